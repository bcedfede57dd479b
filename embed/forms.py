from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from core.fields import EmailAddressField
from embed import keys
from embed.keys import BadKey
from embed.models import SCOPES, Origin, Site
from feedback.forms import FeedbackForm

MAX_ORIGINS = 20


class SiteForm(forms.ModelForm):
    origins = forms.CharField(
        label=_("Allowed origins"),
        help_text=_("One per line, for example https://blog.example. Only pages from here can show hearts."),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        max_length=6000,
    )

    class Meta:
        model = Site
        fields = ["name", "owner"]
        help_texts = {"owner": _("Gets the notifications about likes.")}

    def clean_origins(self) -> list[str]:
        lines = [line.strip() for line in self.cleaned_data["origins"].splitlines() if line.strip()]
        if len(lines) > MAX_ORIGINS:
            raise ValidationError(_("Use %(most)d origins or fewer.") % {"most": MAX_ORIGINS})
        found = list(dict.fromkeys(self._origin(line) for line in lines))
        used = Origin.objects.filter(origin__in=found).exclude(site=self.instance.pk).first()
        if used:
            raise ValidationError(_("%(origin)s belongs to another site.") % {"origin": used.origin})
        return found

    def _origin(self, line: str) -> str:
        try:
            origin = keys.origin_of(keys.canonical(line))
        except BadKey:
            origin = ""
        if not origin or len(origin) > 260:
            raise ValidationError(_("Enter an origin such as https://blog.example, not “%(text)s”.") % {"text": line})
        return origin


class TagFeedbackForm(FeedbackForm):
    """A message from the tag. Its page is checked apart, because it may be the key of a page."""

    email = EmailAddressField(required=False)
    page = None  # type: ignore[assignment]


class RemapForm(forms.Form):
    old = forms.CharField(label=_("Old URL or key"), max_length=1000)
    new = forms.CharField(label=_("New URL or key"), max_length=1000)


class ApiKeyForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=100, help_text=_("For example the program that uses it."))
    scopes = forms.MultipleChoiceField(
        label=_("Permissions"), choices=list(SCOPES.items()), widget=forms.CheckboxSelectMultiple
    )
