"""Which site a request of a tag is about: the one that its Origin belongs to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy

from core.http import parse_pk
from core.same_origin import Headers, is_known_host, same_origin
from embed.models import Origin, Site
from likes.http import Refusal

TTL = 5.0  # seconds after which a change of a site counts in every process
MAX_CACHED = 10_000
NOT_LISTED = gettext_lazy("This page's origin isn't on the list of the site.")
_cache: dict[str, tuple[EmbeddedSite | None, float]] = {}


class EmbeddedSite(NamedTuple):
    pk: int
    owner_id: int
    origins: frozenset[str]


def find(headers: Headers, parameters: Mapping[str, Any]) -> EmbeddedSite:
    """The site of a request. The preview of a site is on a page of ours, and names it by the parameter ``site``. Raises
    `Refusal`."""
    if not is_known_host(headers.get("host", "")):
        raise Refusal(HTTPStatus.BAD_REQUEST, gettext_lazy("Unknown host name."))
    in_preview = "site" in parameters and same_origin(headers)
    found = _of_preview(parameters["site"]) if in_preview else by_origin(headers.get("origin", ""))
    if found is None:
        raise Refusal(HTTPStatus.FORBIDDEN, NOT_LISTED)
    return found


def by_origin(origin: str) -> EmbeddedSite | None:
    cached, expires = _cache.get(origin, (None, 0.0))
    if time.monotonic() < expires:
        return cached
    if not origin.isprintable():  # PostgreSQL refuses a text with NUL
        return None
    row = Origin.objects.filter(origin=origin[:260]).select_related("site").first()
    found = embedded(row.site) if row else None
    if len(_cache) >= MAX_CACHED:
        _cache.clear()
    _cache[origin] = (found, time.monotonic() + TTL)
    return found


def is_cached(headers: Headers) -> bool:
    """Whether `find` needs no query."""
    return time.monotonic() < _cache.get(headers.get("origin", ""), (None, 0.0))[1]


def forget() -> None:
    """After a change of a site; other processes see it after `TTL`."""
    _cache.clear()


def _of_preview(pk: str) -> EmbeddedSite | None:
    found = Site.objects.filter(pk=parse_pk(pk) or 0).first()
    return embedded(found) if found else None


def embedded(site: Site) -> EmbeddedSite:
    return EmbeddedSite(site.pk, site.owner_id, frozenset(site.origins.values_list("origin", flat=True)))
