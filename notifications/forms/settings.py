from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.fields import EmailAddressField
from notifications.models import AlertLevel, NotificationSettings
from notifications.types import offered

CHANNELS = {"digest": _("Email digest"), "push": _("Push"), "integrations": _("Integrations")}
REGIONS = re.compile(r"UTC|(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)/.+")


class PreferencesForm(forms.Form):
    """For each notification type of an account: its alert level, and its channels besides the bell."""

    def __init__(self, *args: Any, staff: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.types = offered(staff=staff)
        self.channels = {name: label for name, label in CHANNELS.items() if staff or name != "integrations"}
        for each in self.types:
            self.fields[each.name] = forms.ChoiceField(
                label=each.label,
                choices=[(int(level), level.label) for level in each.choices],
                initial=int(AlertLevel.EVERY_TIME),
            )
            for channel, label in self.channels.items():
                checkbox = forms.CheckboxInput(attrs={"aria-label": f"{each.label}: {label}"})
                self.fields[f"{each.name}-{channel}"] = forms.BooleanField(
                    required=False, initial=True, widget=checkbox
                )

    def rows(self) -> Iterator[tuple[forms.BoundField, list[tuple[Any, forms.BoundField]]]]:
        """For each type, the field of its alert level and the labelled checkboxes of its channels."""
        for each in self.types:
            yield self[each.name], [(label, self[f"{each.name}-{channel}"]) for channel, label in self.channels.items()]

    def former(self) -> list[tuple[str, Any]]:
        """Names and values of the fields that, sent again, restore the ``initial`` choices."""
        values = [(name, self.get_initial_for_field(field, name)) for name, field in self.fields.items()]
        return [(name, int(value)) for name, value in values if not (isinstance(value, bool) and not value)]

    def columns(self) -> dict[str, dict[str, Any]]:
        """The arguments of `services.set_preferences`."""
        data, names = self.cleaned_data, [each.name for each in self.types]
        bell = {name: AlertLevel(int(data[name])) for name in names}
        return {"bell": bell, **{c: {name: data[f"{name}-{c}"] for name in names} for c in self.channels}}


@cache
def time_zones() -> list[tuple[str, str]]:
    names = sorted(name for name in available_timezones() if REGIONS.fullmatch(name))
    return [(name, name.replace("_", " ")) for name in names]


def time_field(**options: Any) -> forms.TimeField:
    return forms.TimeField(required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), **options)


class DeliveryForm(forms.Form):
    language = forms.ChoiceField(label=_("Email and push language"), choices=settings.LANGUAGES)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=time_zones)
    quiet_from = time_field(label=_("From"))
    quiet_until = time_field(label=_("Until"))
    digest = forms.ChoiceField(label=_("Frequency"), choices=NotificationSettings.Digest, required=False)
    address = EmailAddressField(
        label=_("Email address"), required=False, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )

    def __init__(self, *args: Any, guess: bool, **kwargs: Any) -> None:
        """``guess``: a script selects the time zone of the browser."""
        super().__init__(*args, **kwargs)
        if guess and not self.is_bound:
            self.fields["time_zone"].widget.attrs["data-guess"] = ""

    def clean(self) -> None:
        start, end = self.cleaned_data.get("quiet_from"), self.cleaned_data.get("quiet_until")
        invalid = self.errors.keys() & {"quiet_from", "quiet_until"}  # an invalid time is not a missing one
        if (start is None) != (end is None) and not invalid:
            self.add_error("quiet_until", _("Enter both a start and an end time."))
        elif start and start == end:
            self.add_error("quiet_until", _("Start and end must be different."))
        if self.cleaned_data.get("digest") and self.cleaned_data.get("address") == "":
            self.add_error("address", _("Add an email address to get the digest."))
