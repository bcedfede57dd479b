"""Kakao Alimtalk through NHN Cloud's KakaoTalk Bizmessage, API v2.3
(docs.nhncloud.com, Notification > KakaoTalk Bizmessage > Alimtalk).

A message follows a template that Kakao has approved. Ours fills in ``#{title}``, ``#{text}``, ``#{count}`` and
``#{url}``; a template need not use all of them.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import requests
from django.utils.translation import gettext_noop
from urllib3.exceptions import NewConnectionError

from notifications.models import Delivery, Destination
from notifications.transports.base import Outcome, Transport, declare, fault, judge, told
from outbox import ssrf
from outbox.models import Status
from outbox.ssrf import Answer

HOST = "https://kakaotalk-bizmessage.api.nhncloudservice.com"
FIELDS = ("title", "text", "count", "url")
NOT_TAKEN = {429, 503}  # says that it is busy; any other trouble of a server may come after it has taken the message
MEANING = {  # of a result code; every other one but 0 is final
    "-1005": Status.UNKNOWN,  # it has had this key within ten minutes
    "-1017": Status.RETRYING,  # no more today
}
SILENT = gettext_noop("No response. The message may have been delivered.")
GARBLED = gettext_noop("Unexpected response. The message may have been delivered.")


@declare
class Kakao(Transport):
    name = "kakao"

    def send(self, delivery: Delivery) -> Outcome:
        """Each message costs money and rings a phone, so it is not sent a second time by itself when it may have
        arrived. Its key makes the service refuse a second one that comes within ten minutes."""
        place = delivery.destination
        body = json.dumps(message(delivery), ensure_ascii=False)
        headers = {"Content-Type": "application/json;charset=UTF-8", "X-NC-API-IDEMPOTENCY-KEY": delivery.identity}
        asked = told(f"POST {place.address}", headers, body)
        delivery.expose()
        try:
            answer = ssrf.post(place.address, body.encode(), headers | {"X-Secret-Key": place.secret})
        except ssrf.Refused as error:
            return Outcome(Status.FAILED, str(error), asked)
        except requests.RequestException as error:
            status, said = (Status.RETRYING, fault(error)) if unheard(error) else (Status.UNKNOWN, SILENT)
            return Outcome(status, said, asked)
        return understood(answer, asked)

    def shown(self, place: Destination) -> str:
        return f"{urlsplit(place.address).hostname} → …{place.options['to'][-4:]}"

    def secrets(self, place: Destination) -> list[str]:
        return [*super().secrets(place), *place.address.split("/")[-2:-1], place.options["sender"], place.options["to"]]


def unheard(error: requests.RequestException) -> bool:
    """Was there no connection, so that nothing can have arrived?"""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)


def address(app_key: str, host: str = HOST) -> str:
    return f"{host.rstrip('/')}/alimtalk/v2.3/appkeys/{app_key}/messages"


def message(delivery: Delivery) -> dict[str, Any]:
    options = delivery.destination.options
    values = {field: str(delivery.content.get(field, "")) for field in FIELDS}
    return {
        "senderKey": options["sender"],
        "templateCode": options["template"],
        "recipientList": [{"recipientNo": options["to"], "templateParameter": values}],
    }


def understood(answer: Answer, asked: str) -> Outcome:
    """A request that failed comes with status 200 too; the header says so, or the result of the one recipient."""
    outcome = judge(answer, asked)
    if outcome.status == Status.RETRYING and answer.status not in NOT_TAKEN:
        return outcome._replace(status=Status.UNKNOWN)
    if outcome.status != Status.ACCEPTED:
        return outcome
    try:
        said = json.loads(answer.text)
        results = [said["header"], *(said.get("message") or {}).get("sendResults", [])]
        wrong = next((result for result in results if result["resultCode"] != 0), None)
    except (ValueError, TypeError, KeyError, AttributeError):
        return outcome._replace(status=Status.UNKNOWN, said=GARBLED)
    if not wrong:
        return outcome
    code = str(wrong["resultCode"])
    return outcome._replace(
        status=MEANING.get(code, Status.FAILED), said=f"{code} {wrong.get('resultMessage', '')}"[:500]
    )
