"""Kakao Alimtalk through NHN Cloud's KakaoTalk Bizmessage, API v2.3
(docs.nhncloud.com, Notification > KakaoTalk Bizmessage > Alimtalk).

A message follows a template that Kakao has approved. The values are ``#{title}``, ``#{text}``, ``#{count}`` and
``#{url}``; a template may leave some out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from notifications.forms.destinations import MAX_ADDRESS, ConnectForm, public_url, word
from notifications.models import Delivery, Destination
from notifications.transports.base import DestinationTransport, describe_error, outcome_of, request_log
from outbox import http, ssrf
from outbox.http import Response
from outbox.outcome import Outcome, Status
from outbox.transports import register

if TYPE_CHECKING:
    import requests

DEFAULT_HOST = "https://kakaotalk-bizmessage.api.nhncloudservice.com"
FIELDS = ("title", "text", "count", "url")
NOT_ACCEPTED = {429, 503}  # busy; after any other server error, the message may have been accepted
RESULT_CODES = {  # 0 is success; FAILED after all others
    "-1005": Status.UNKNOWN,  # a message with this idempotency key came within ten minutes
    "-1017": Status.RETRYING,  # the daily limit is reached
}
NO_RESPONSE = gettext_noop("No response. The message may have been delivered.")
UNEXPECTED_RESPONSE = gettext_noop("Unexpected response. The message may have been delivered.")


class KakaoForm(ConnectForm):
    app_key = forms.CharField(label=_("App key"), max_length=100, validators=[word])
    secret = forms.CharField(
        label=_("Secret key"),
        max_length=200,
        validators=[RegexValidator(r"^[ -~]+\Z", _("Keys can only contain letters, digits and symbols."))],
        widget=forms.PasswordInput(render_value=False),
    )
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
        label=_("Server"),
        max_length=MAX_ADDRESS,
        required=False,
        widget=forms.URLInput(attrs={"placeholder": DEFAULT_HOST}),
    )

    def clean_host(self) -> str:
        host = str(self.cleaned_data["host"] or DEFAULT_HOST)
        if set(host) & {"?", "#"}:
            raise forms.ValidationError(_("Enter only the address of the server, without ? or #."))
        return public_url(host) if host != DEFAULT_HOST else host

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
        """At most once: each message costs money, so one that may have arrived is UNKNOWN and not retried. The service
        also refuses a second message with the same idempotency key within ten minutes."""
        import requests  # large

        destination = delivery.destination
        body = json.dumps(message(delivery), ensure_ascii=False)
        headers = {"Content-Type": "application/json;charset=UTF-8", "X-NC-API-IDEMPOTENCY-KEY": delivery.identity}
        request = request_log(f"POST {destination.address}", headers, body)
        delivery.mark_handed_over()
        try:
            response = http.post(destination.address, body.encode(), headers | {"X-Secret-Key": destination.secret})
        except ssrf.Refused as error:
            return Outcome(Status.FAILED, str(error), request)
        except requests.RequestException as error:
            if never_connected(error):
                return Outcome(Status.RETRYING, describe_error(error), request)
            return Outcome(Status.UNKNOWN, NO_RESPONSE, request)
        return kakao_outcome(response, request)

    def display_address(self, destination: Destination) -> str:
        return f"{urlsplit(destination.address).hostname} → …{destination.options['to'][-4:]}"

    def secrets(self, message: Delivery) -> list[str]:
        destination = message.destination
        key = destination.address.split("/")[-2:-1]
        return [*super().secrets(message), *key, destination.options["sender"], destination.options["to"]]


def never_connected(error: requests.RequestException) -> bool:
    """True if there was no connection, so that nothing can have arrived."""
    import requests
    from urllib3.exceptions import NewConnectionError

    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)


def address(app_key: str, host: str = DEFAULT_HOST) -> str:
    return f"{host.rstrip('/')}/alimtalk/v2.3/appkeys/{app_key}/messages"


def message(delivery: Delivery) -> dict[str, Any]:
    options = delivery.destination.options
    values = {field: str(delivery.content.get(field, "")) for field in FIELDS}
    return {
        "senderKey": options["sender"],
        "templateCode": options["template"],
        "recipientList": [{"recipientNo": options["to"], "templateParameter": values}],
    }


def kakao_outcome(response: Response, request: str) -> Outcome:
    """Failures have status 200, too: the result codes of the header and of the one recipient count."""
    outcome = outcome_of(response, request)
    if outcome.status == Status.RETRYING and response.status not in NOT_ACCEPTED:
        return outcome._replace(status=Status.UNKNOWN)
    if outcome.status != Status.ACCEPTED:
        return outcome
    try:
        error = first_error(json.loads(response.text))
    except (ValueError, TypeError, KeyError, AttributeError):
        return outcome._replace(status=Status.UNKNOWN, response=UNEXPECTED_RESPONSE)
    if not error:
        return outcome
    code = str(error["resultCode"])
    text = f"{code} {error.get('resultMessage', '')}"[:500]
    return outcome._replace(status=RESULT_CODES.get(code, Status.FAILED), response=text)


def first_error(body: dict[str, Any]) -> dict[str, Any] | None:
    results = [body["header"], *(body.get("message") or {}).get("sendResults", [])]
    return next((result for result in results if result["resultCode"] != 0), None)
