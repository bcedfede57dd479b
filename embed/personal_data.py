"""The sites of a person."""

from __future__ import annotations

from collections.abc import Iterable

from core.data_care.personal import Person, Personal
from embed import services
from embed.models import Site


def of(person: Person) -> Iterable[Personal]:
    if person.user:
        label = "sites, with their pages and likes"
        yield Personal("sites", label, Site.objects.filter(owner=person.user), ("name", "created_at"))


def erase(person: Person) -> None:
    if person.user:
        for site in Site.objects.filter(owner=person.user):
            services.delete_site(site=site)
