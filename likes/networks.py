"""Floods of likes: who clicks without an account can be many, but their networks are few. A like keeps a hash of its
network for a week."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Max, Min, QuerySet
from django.utils import timezone

from likes.models import Like
from likes.settling import BATCH

HASH = re.compile("[0-9a-f]{16}")
WAVE, MAX_WAVES = 20, 50  # likes from one network; networks on the page
SELECTED = 50_000  # ids that one query reads: to look for each batch would read the same rows again and again


def waves() -> list[Any]:
    """The networks that most likes came from, at least `WAVE` each: network, likes, posts, first, last."""
    likes = Like.objects.exclude(network="").filter(wanted=True).values("network").order_by()
    counted = likes.annotate(
        likes=Count("pk"), posts=Count("post", distinct=True), first=Min("clicked_at"), last=Max("clicked_at")
    )
    return list(counted.filter(likes__gte=WAVE).order_by("-likes")[:MAX_WAVES])


def take_back(network: str) -> int:
    """Removes the likes from a network; the caller enqueues settling, which counts and bells follow. Returns how many
    there were."""
    if not HASH.fullmatch(network):
        return 0
    clicked = {"clicked_at": timezone.now(), "settled_at": None, "version": F("version") + 1}
    return _update(Like.objects.filter(network=network, wanted=True), wanted=False, **clicked)


def forget() -> None:
    before = timezone.now() - timedelta(days=settings.KEEP_NETWORKS_DAYS)
    _update(Like.objects.exclude(network="").filter(clicked_at__lt=before), network="")


def _update(likes: QuerySet[Like], **values: Any) -> int:
    """Updates likes, which are then no longer selected, in short transactions. Returns how many there were."""
    number = 0
    while pks := list(likes.values_list("pk", flat=True)[:SELECTED]):
        for start in range(0, len(pks), BATCH):
            number += _update_some(likes.filter(pk__in=pks[start : start + BATCH]), values)
    return number


@transaction.atomic
def _update_some(likes: QuerySet[Like], values: dict[str, Any]) -> int:
    """Locks rows in the order of `sql.STORE`, so that the two never wait for each other."""
    locked = likes.select_for_update().order_by("visitor", "post").only("pk")
    return Like.objects.filter(pk__in=[like.pk for like in locked]).update(**values)
