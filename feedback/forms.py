from __future__ import annotations

import re
import secrets

from django import forms
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.utils.translation import gettext_lazy as _

from core.fields import EmailAddressField
from feedback import rate_limits

signer = TimestampSigner(salt="redheart.feedback")
LINK = re.compile(r"https?:|www\.|\[url", re.IGNORECASE)


class FeedbackForm(forms.Form):
    email = EmailAddressField(
        label=_("Your email"),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    message = forms.CharField(
        label=_("Your message"),
        strip=False,  # stored exactly as typed
        widget=forms.Textarea(attrs={"rows": 7, "maxlength": rate_limits.MAX_MESSAGE}),
    )
    page = forms.CharField(label=_("Page (optional)"), required=False, max_length=500)
    website = forms.CharField(required=False)  # hidden from people; bots fill it in
    started = forms.CharField(  # when the form was shown, signed; unique, so that a form sent twice stores one message
        required=False,
        initial=lambda: signer.sign(secrets.token_urlsafe(9)),
        widget=forms.HiddenInput,
    )

    def clean_message(self) -> str:
        text: str = self.cleaned_data["message"]
        if not text.strip():
            raise ValidationError(_("Enter a message."))
        if len(text.replace("\r\n", "\n")) > rate_limits.MAX_MESSAGE:
            raise ValidationError(_("Use %(most)d characters or fewer.") % {"most": rate_limits.MAX_MESSAGE})
        return text

    def clean_page(self) -> str:
        page: str = self.cleaned_data["page"]
        if not page.isprintable():
            raise ValidationError(_("The page must be on one line."))
        return page

    @property
    def looks_like_spam(self) -> bool:
        """True if a bot has probably sent it: the hidden field is filled in, or it has many links and came too fast. It
        is stored as spam, not refused."""
        links = len(LINK.findall(self.cleaned_data["message"]))
        return bool(self.cleaned_data["website"]) or (links > rate_limits.MAX_LINKS and self._is_too_fast())

    def _is_too_fast(self) -> bool:
        try:
            signer.unsign(self.cleaned_data["started"], max_age=rate_limits.MIN_FILL_TIME)
        except SignatureExpired:
            return False
        except BadSignature:  # missing or forged
            return True
        return True


class AddressForm(forms.Form):
    email = EmailAddressField(label=_("Your email"), widget=forms.EmailInput(attrs={"autocomplete": "email"}))


class ReplyForm(forms.Form):
    text = forms.CharField(label=_("Reply"), max_length=20_000, widget=forms.Textarea(attrs={"rows": 6}))
    key = forms.CharField(
        required=False, max_length=64, initial=lambda: secrets.token_urlsafe(9), widget=forms.HiddenInput
    )


class NoteForm(forms.Form):
    note = forms.CharField(
        label=_("Internal note"), required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 3})
    )
