from __future__ import annotations

from typing import Any

from django import forms

from notifications.kinds import Kind
from notifications.models import Loud


class PreferencesForm(forms.Form):
    """One choice for each kind that the person may ever hear of."""

    def __init__(self, *args: Any, kinds: list[Kind], **more: Any) -> None:
        super().__init__(*args, **more)
        for kind in kinds:
            choices = [(int(loud), loud.label) for loud in kind.choices]
            self.fields[kind.name] = forms.ChoiceField(label=kind.label, choices=choices, initial=int(Loud.ALWAYS))
