"""The sources of messages and ratings that come from the tags of sites, such as ``site-3``."""

from __future__ import annotations

from collections.abc import Iterable

from core.http import parse_pks
from embed.models import Site

PREFIX = "site-"


def source_of(site_id: int) -> str:
    return f"{PREFIX}{site_id}"


def names(sources: Iterable[str]) -> dict[str, str]:
    """The names of the sites."""
    pks = parse_pks(source.removeprefix(PREFIX) for source in sources if source.startswith(PREFIX))
    return {source_of(pk): name for pk, name in Site.objects.filter(pk__in=pks).values_list("pk", "name")}
