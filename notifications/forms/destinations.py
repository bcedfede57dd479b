"""What staff type in to connect a place outside."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from notifications.models import Destination
from notifications.transports import apprise, kakao, webhook
from outbox import ssrf

LONGEST = 2000  # characters of an address
word = RegexValidator(r"^[\w\-.]+$", _("Use only letters, digits, periods, hyphens and underscores."))


class ConnectForm(forms.Form):
    """The name that every kind of destination has; `destination` makes the row, without saving it."""

    transport: Destination.Transport
    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("Only visible to your team."))

    def clean_name(self) -> str:
        if not self.cleaned_data["name"].isprintable():
            raise forms.ValidationError(_("The name must be on one line."))
        return str(self.cleaned_data["name"])

    def destination(self, owner: User) -> Destination:
        return Destination(owner=owner, transport=self.transport, name=self.cleaned_data["name"], **self.row())

    def row(self) -> dict[str, Any]:
        raise NotImplementedError


class WebhookForm(ConnectForm):
    transport = Destination.Transport.WEBHOOK
    address = forms.CharField(label=_("URL"), max_length=LONGEST, widget=forms.URLInput)

    def clean_address(self) -> str:
        return safe(self.cleaned_data["address"])

    def row(self) -> dict[str, Any]:
        return {"address": self.cleaned_data["address"], "secret": webhook.new_secret()}


class AppriseForm(ConnectForm):
    transport = Destination.Transport.APPRISE
    address = forms.CharField(
        label=_("Apprise URL"),
        max_length=LONGEST,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "slack://…  discord://…  tgram://…"}),
        help_text=_("An Apprise URL for Slack, Discord, Telegram, email and more."),
    )

    def clean_address(self) -> str:
        try:
            apprise.look_at(self.cleaned_data["address"])
        except ssrf.Refused as error:
            raise forms.ValidationError(str(error)) from error
        return str(self.cleaned_data["address"])

    def row(self) -> dict[str, Any]:
        return {"address": self.cleaned_data["address"]}


class KakaoForm(ConnectForm):
    transport = Destination.Transport.KAKAO
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
        label=_("Server"), max_length=LONGEST, required=False, widget=forms.URLInput(attrs={"placeholder": kakao.HOST})
    )

    def clean_secret(self) -> str:
        secret = str(self.cleaned_data["secret"])
        if not secret.isascii() or not secret.isprintable():
            raise forms.ValidationError(_("Keys can only contain letters, digits and symbols."))
        return secret

    def clean_host(self) -> str:
        return safe(self.cleaned_data["host"]) if self.cleaned_data["host"] else kakao.HOST

    def row(self) -> dict[str, Any]:
        data = self.cleaned_data
        options = {key: data[key] for key in ("sender", "template", "to")}
        return {"address": kakao.address(data["app_key"], data["host"]), "secret": data["secret"], "options": options}


FORMS: dict[str, type[ConnectForm]] = {form.transport: form for form in (WebhookForm, AppriseForm, KakaoForm)}


def safe(url: str) -> str:
    try:
        ssrf.look_at(url)
    except ssrf.Refused as error:
        raise forms.ValidationError(str(error)) from error
    return url
