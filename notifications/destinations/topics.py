"""A destination as a live topic. The event says only that its delivery log has changed; the page fetches it."""

from __future__ import annotations

from collections.abc import Iterable

from core.http import parse_pks
from core.permissions import is_staff
from live import topics
from live.topics import Event, event
from notifications.models import Destination


def destination_events(pks: Iterable[int]) -> list[Event]:
    versions = Destination.objects.filter(pk__in=pks).values_list("pk", "version")
    return [event(f"destination.{pk}", version, {}) for pk, version in versions]


topics.declare("destination", snapshot=lambda keys: destination_events(parse_pks(keys)), allows=is_staff)
