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
from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from urllib3.exceptions import NewConnectionError

from notifications.forms.destinations import MAX_ADDRESS, ConnectForm, public_url, word
from notifications.models import Delivery, Destination
from notifications.transports.base import DestinationTransport, fault, judge, request_log
from outbox import ssrf
from outbox.outcome import Outcome, Status
from outbox.ssrf import Answer
from outbox.transports import register

HOST = "https://kakaotalk-bizmessage.api.nhncloudservice.com"
FIELDS = ("title", "text", "count", "url")
NOT_TAKEN = {429, 503}  # says that it is busy; any other trouble of a server may come after it has taken the message
MEANING = {  # of a result code; every other one but 0 is final
    "-1005": Status.UNKNOWN,  # it has had this key within ten minutes
    "-1017": Status.RETRYING,  # no more today
}
SILENT = gettext_noop("No response. The message may have been delivered.")
GARBLED = gettext_noop("Unexpected response. The message may have been delivered.")


class KakaoForm(ConnectForm):
    app_key = forms.CharField(label=_("App key"), max_length=100, validators=[word])
    secret = forms.CharField(label=_("Secret key"), max_length=200, widget=forms.PasswordInput(render_value=False))
    sender = forms.CharField(label=_("Sender key"), max_length=40, validators=[word])
    template = forms.CharField(
        label=_("Template code"),
        max_length=20,
        validators=[word],
        help_text=_("The template can use #{title}, #{text}, #{count} and #{url}."),
    )
    to = forms.CharField(
        label=_("Phone number"),
        max_length=15,
        validators=[RegexValidator(r"^\+?[0-9]{8,14}$", _("Digits only, for example 01012345678."))],
        widget=forms.TextInput(attrs={"inputmode": "tel"}),
    )
    host = forms.CharField(
        label=_("Server"), max_length=MAX_ADDRESS, required=False, widget=forms.URLInput(attrs={"placeholder": HOST})
    )

    def clean_secret(self) -> str:
        secret = str(self.cleaned_data["secret"])
        if not secret.isascii() or not secret.isprintable():
            raise forms.ValidationError(_("Keys can only contain letters, digits and symbols."))
        return secret

    def clean_host(self) -> str:
        return public_url(self.cleaned_data["host"]) if self.cleaned_data["host"] else HOST

    def row(self) -> dict[str, Any]:
        data = self.cleaned_data
        options = {key: data[key] for key in ("sender", "template", "to")}
        return {"address": address(data["app_key"], data["host"]), "secret": data["secret"], "options": options}


@register
class Kakao(DestinationTransport):
    name = "kakao"
    label = _("Kakao Alimtalk")
    form = KakaoForm

    def send(self, delivery: Delivery) -> Outcome:
        """Each message costs money and rings a phone, so it is not sent a second time by itself when it may have
        arrived. Its key makes the service refuse a second one that comes within ten minutes."""
        destination = delivery.destination
        body = json.dumps(message(delivery), ensure_ascii=False)
        headers = {"Content-Type": "application/json;charset=UTF-8", "X-NC-API-IDEMPOTENCY-KEY": delivery.identity}
        request = request_log(f"POST {destination.address}", headers, body)
        delivery.mark_handed_over()
        try:
            answer = ssrf.post(destination.address, body.encode(), headers | {"X-Secret-Key": destination.secret})
        except ssrf.Refused as error:
            return Outcome(Status.FAILED, str(error), request)
        except requests.RequestException as error:
            status, response = (Status.RETRYING, fault(error)) if unheard(error) else (Status.UNKNOWN, SILENT)
            return Outcome(status, response, request)
        return understood(answer, request)

    def display_address(self, destination: Destination) -> str:
        return f"{urlsplit(destination.address).hostname} → …{destination.options['to'][-4:]}"

    def secrets_of(self, destination: Destination) -> list[str]:
        options = destination.options
        key = destination.address.split("/")[-2:-1]
        return [*super().secrets_of(destination), *key, options["sender"], options["to"]]


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


def understood(answer: Answer, request: str) -> Outcome:
    """A request that failed comes with status 200 too; the header says so, or the result of the one recipient."""
    outcome = judge(answer, request)
    if outcome.status == Status.RETRYING and answer.status not in NOT_TAKEN:
        return outcome._replace(status=Status.UNKNOWN)
    if outcome.status != Status.ACCEPTED:
        return outcome
    try:
        body = json.loads(answer.text)
        results = [body["header"], *(body.get("message") or {}).get("sendResults", [])]
        wrong = next((result for result in results if result["resultCode"] != 0), None)
    except (ValueError, TypeError, KeyError, AttributeError):
        return outcome._replace(status=Status.UNKNOWN, response=GARBLED)
    if not wrong:
        return outcome
    code = str(wrong["resultCode"])
    return outcome._replace(
        status=MEANING.get(code, Status.FAILED), response=f"{code} {wrong.get('resultMessage', '')}"[:500]
    )
