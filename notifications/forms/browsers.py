from __future__ import annotations

from base64 import urlsafe_b64decode
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.validators import URLValidator
from django.utils.translation import gettext_lazy as _

BASE64 = r"^[A-Za-z0-9+/_-]{%d}=*\Z"  # so many characters, with or without padding
INVALID_KEY = {"invalid": _("Invalid browser key.")}


def is_push_service(netloc: str) -> bool:
    """Is this one of `settings.PUSH_SERVICES`, or a host below one? Only port 443, unless the setting names another."""
    host = netloc.lower().removesuffix(":443")
    return "@" not in host and any(f".{host}".endswith(f".{service}") for service in settings.PUSH_SERVICES)


class SubscriptionForm(forms.Form):
    """A push subscription of a browser: where to send messages, and the two keys that encrypt them."""

    endpoint = forms.CharField(max_length=2000, validators=[URLValidator(["https"])])
    p256dh = forms.RegexField(BASE64 % 87, max_length=88, strip=True, error_messages=INVALID_KEY)  # 65 bytes
    auth = forms.RegexField(BASE64 % 22, max_length=24, strip=True, error_messages=INVALID_KEY)  # 16 bytes

    def clean_endpoint(self) -> str:
        endpoint = str(self.cleaned_data["endpoint"])
        if not is_push_service(urlsplit(endpoint).netloc):
            raise forms.ValidationError(_("Unknown push service."))
        return endpoint

    def clean_p256dh(self) -> str:
        from cryptography.hazmat.primitives.asymmetric import ec  # large

        key = str(self.cleaned_data["p256dh"])
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), urlsafe_b64decode(f"{key[:87]}="))
        except ValueError as error:
            raise forms.ValidationError(INVALID_KEY["invalid"]) from error
        return key

    def first_error(self) -> str:
        """The first error, with the name of its field. Only for an invalid form."""
        [(field, errors), *_more] = self.errors.items()
        return f"{field}: {errors[0]}"
