"""Kakao Alimtalk through NHN Cloud's KakaoTalk Bizmessage, API v2.3
(docs.nhncloud.com, Notification > KakaoTalk Bizmessage > Alimtalk).

A message follows a template that Kakao has approved. Ours fills in ``#{title}``, ``#{text}``, ``#{count}`` and
``#{url}``; a template need not use all of them.
"""

from __future__ import annotations

import json
from typing import Any

import requests

from notifications import guard
from notifications.guard import Answer
from notifications.models import Delivery
from notifications.outbox import Status
from notifications.transports import Outcome, Transport, declare
from notifications.transports.webhook import judge, told

HOST = "https://kakaotalk-bizmessage.api.nhncloudservice.com"
FIELDS = ("title", "text", "count", "url")
SILENT = "No answer after the request. The message may have arrived."


@declare
class Kakao(Transport):
    name = "kakao"

    def send(self, delivery: Delivery) -> Outcome:
        """Each message costs money and rings a phone: after silence it is not sent a second time by itself."""
        place = delivery.destination
        body = json.dumps(message(delivery), ensure_ascii=False)
        headers = {"Content-Type": "application/json;charset=UTF-8", "X-NC-API-IDEMPOTENCY-KEY": delivery.identity}
        asked = told("POST", headers, body.replace(place.options["sender"], "…"))
        delivery.expose()
        try:
            answer = guard.post(place.address, body.encode(), headers | {"X-Secret-Key": place.secret})
        except guard.Refused as error:
            return Outcome(Status.FAILED, str(error), asked)
        except requests.ConnectTimeout:
            return Outcome(Status.RETRYING, "ConnectTimeout", asked)
        except requests.RequestException:
            return Outcome(Status.UNKNOWN, SILENT, asked)
        return understood(answer, asked)


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
    if outcome.status != Status.ACCEPTED:
        return outcome
    try:
        said = json.loads(answer.text)
        results = [said["header"], *(said.get("message") or {}).get("sendResults", [])]
        wrong = next((result for result in results if result["resultCode"] != 0), None)
    except (ValueError, TypeError, KeyError, AttributeError):
        return outcome._replace(status=Status.UNKNOWN, said="The answer was not understood.")
    if wrong:
        return outcome._replace(status=Status.FAILED, said=f"{wrong['resultCode']} {wrong.get('resultMessage', '')}")
    return outcome
