from __future__ import annotations

import re
import secrets

from django import forms
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, TimestampSigner
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
        strip=False,  # stored is what was typed
        widget=forms.Textarea(attrs={"rows": 7, "maxlength": rate_limits.LONGEST}),
    )
    page = forms.CharField(label=_("Page (optional)"), required=False, max_length=500)
    website = forms.CharField(required=False)  # only programs see it, and fill it in
    started = forms.CharField(required=False, widget=forms.HiddenInput)

    @staticmethod
    def fresh() -> str:
        """When this form was made, signed; also what makes it one form, so that pressing twice sends one message."""
        return signer.sign(secrets.token_urlsafe(9))

    def clean_message(self) -> str:
        text: str = self.cleaned_data["message"]
        if not text.strip():
            raise ValidationError(_("Enter a message."))
        if len(text.replace("\r\n", "\n")) > rate_limits.LONGEST:
            raise ValidationError(_("Use %(most)d characters or fewer.") % {"most": rate_limits.LONGEST})
        return text

    def clean_page(self) -> str:
        page: str = self.cleaned_data["page"]
        if not page.isprintable():
            raise ValidationError(_("The page must be on one line."))
        return page

    @property
    def suspicious(self) -> bool:
        """Was it a program? Nobody is refused for it: such a message goes to spam. Being quick alone is no sign."""
        links = len(LINK.findall(self.cleaned_data["message"]))
        return bool(self.cleaned_data["website"]) or (links > rate_limits.LINKS and self._quick())

    def _quick(self) -> bool:
        started = self.cleaned_data["started"]
        try:
            signer.unsign(started)
        except BadSignature:
            return True
        try:
            signer.unsign(started, max_age=rate_limits.QUICK)
        except BadSignature:
            return False
        return True


class ReplyForm(forms.Form):
    text = forms.CharField(label=_("Reply"), max_length=20_000, widget=forms.Textarea(attrs={"rows": 6}))
    key = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)


class NoteForm(forms.Form):
    note = forms.CharField(
        label=_("Internal note"), required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 3})
    )
