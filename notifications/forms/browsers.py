from __future__ import annotations

from base64 import b64decode

from cryptography.hazmat.primitives.asymmetric import ec
from django import forms
from django.core.validators import URLValidator
from django.utils.translation import gettext_lazy as _

from outbox import ssrf


class SubscriptionForm(forms.Form):
    """A push subscription of a browser: where to send messages, and the two keys that encrypt them."""

    endpoint = forms.CharField(max_length=2000, validators=[URLValidator(["https"])])
    p256dh = forms.CharField(max_length=88)
    auth = forms.CharField(max_length=24)

    def clean_endpoint(self) -> str:
        endpoint = str(self.cleaned_data["endpoint"])
        try:
            ssrf.check_url(endpoint)
        except ssrf.Refused as error:
            raise forms.ValidationError(_("Invalid push service URL.")) from error
        return endpoint

    def clean_p256dh(self) -> str:
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(self.cleaned_data["p256dh"], 65))
        except ValueError as error:
            raise forms.ValidationError(_("Invalid browser key.")) from error
        return str(self.cleaned_data["p256dh"])

    def clean_auth(self) -> str:
        try:
            decode(self.cleaned_data["auth"], 16)
        except ValueError as error:
            raise forms.ValidationError(_("Invalid browser key.")) from error
        return str(self.cleaned_data["auth"])

    def first_error(self) -> str:
        """The first error, with the name of its field. Only for an invalid form."""
        [(field, errors), *_more] = self.errors.items()
        return f"{field}: {errors[0]}"


def decode(key: str, size: int) -> bytes:
    """The bytes of a base64url text. Raises `ValueError` unless there are exactly ``size``."""
    raw = b64decode(key.rstrip("=") + "=" * (-len(key.rstrip("=")) % 4), altchars=b"-_", validate=True)
    if len(raw) != size:
        raise ValueError(f"{len(raw)} bytes")
    return raw
