from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.fields import EmailAddressField
from notifications.models import AlertLevel, NotificationSettings
from notifications.types import NotificationType

WAYS = {"mail": _("Email digest"), "push": _("Push"), "outside": _("Integrations")}
REGIONS = re.compile(r"UTC|(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)/.+")


class PreferencesForm(forms.Form):
    """What rings the bell of all that somebody may ever hear of, and where else that goes."""

    def __init__(self, *args: Any, notification_types: list[NotificationType], staff: bool, **more: Any) -> None:
        super().__init__(*args, **more)
        self.types = notification_types
        self.ways = {way: label for way, label in WAYS.items() if staff or way != "outside"}
        for event in notification_types:
            choices = [(int(level), level.label) for level in event.choices]
            self.fields[event.name] = forms.ChoiceField(
                label=event.label, choices=choices, initial=int(AlertLevel.EVERY_TIME)
            )
            for way, label in self.ways.items():
                box = forms.CheckboxInput(attrs={"aria-label": f"{event.label}: {label}"})
                self.fields[f"{event.name}-{way}"] = forms.BooleanField(required=False, initial=True, widget=box)

    def rows(self) -> Iterator[tuple[forms.BoundField, list[tuple[Any, forms.BoundField]]]]:
        """The choice of the bell for each type, and the checkboxes beside it with their labels."""
        for event in self.types:
            yield self[event.name], [(label, self[f"{event.name}-{way}"]) for way, label in self.ways.items()]

    def columns(self) -> dict[str, dict[str, Any]]:
        """What was chosen for each type, by the columns of `Preference`."""
        data, names = self.cleaned_data, [event.name for event in self.types]
        bell = {name: AlertLevel(int(data[name])) for name in names}
        return {"bell": bell, **{way: {name: data[f"{name}-{way}"] for name in names} for way in self.ways}}


@cache
def time_zones() -> list[tuple[str, str]]:
    names = sorted(name for name in available_timezones() if REGIONS.fullmatch(name))
    return [(name, name.replace("_", " ")) for name in names]


class Clock(forms.TimeField):
    def __init__(self, **more: Any) -> None:
        super().__init__(required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), **more)


class DeliveryForm(forms.Form):
    language = forms.ChoiceField(label=_("Email and push language"), choices=settings.LANGUAGES)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=time_zones)
    quiet_from = Clock(label=_("From"))
    quiet_until = Clock(label=_("Until"))
    digest = forms.ChoiceField(label=_("Email digest"), choices=NotificationSettings.Digest, required=False)
    address = EmailAddressField(
        label=_("Email address"), required=False, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )

    def __init__(self, *args: Any, guess: bool, **more: Any) -> None:
        """``guess``: a script may choose the time zone of the browser."""
        super().__init__(*args, **more)
        if guess and not self.is_bound:
            self.fields["time_zone"].widget.attrs["data-guess"] = ""

    def clean(self) -> None:
        start, end = self._clock("quiet_from"), self._clock("quiet_until")
        if (start is None) != (end is None):
            self.add_error("quiet_until", _("Enter both a start and an end time."))
        elif start and start == end:
            self.add_error("quiet_until", _("Start and end must be different."))
        if self.cleaned_data.get("digest") and self.cleaned_data.get("address") == "":
            self.add_error("address", _("Add an email address to get the digest."))

    def _clock(self, name: str) -> time | None:
        """What is wrong already is complained of once."""
        return None if self.errors.keys() & {"quiet_from", "quiet_until"} else self.cleaned_data[name]
