"""The recount: compares the counts of posts with their likes. The drift, in likes, should be 0."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from django.db import OperationalError, transaction
from django.db.models import Count, F, Q

from likes.models import Post

BATCH = 500  # posts
log = logging.getLogger(__name__)


def recount(*, everything: bool = True) -> Iterator[int]:
    """Sets every count to the number of its rows; without ``everything`` only those that have changed since they were
    recounted. Yields the drift of each batch of posts. Neither waits for settling nor holds it up for more than some
    milliseconds, because a count and its rows agree in each snapshot of the database."""
    posts, last = Post.objects.order_by("pk"), 0
    if not everything:
        posts = posts.exclude(recounted_version=F("version"))
    while pks := list(posts.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH]):
        yield _recount(pks)
        last = pks[-1]


def _recount(pks: list[int]) -> int:
    """One query counts and reads the versions: it has one snapshot."""
    counted = Post.objects.filter(pk__in=pks).order_by().annotate(rows=Count("likes", filter=Q(likes__counted=True)))
    versions, drift = dict[int, int](), 0
    for pk, version, like_count, rows in counted.values_list("pk", "version", "like_count", "rows"):
        if like_count == rows:
            versions[pk] = version
        else:
            drift += _correct(pk)
    _mark(versions)
    return drift


def _correct(pk: int) -> int:
    try:
        return Post.recount_one(pk)
    except OperationalError as error:  # somebody has locked it: the next recount finds it again
        log.warning("could not recount post %d: %r", pk, error)
        return 0


@transaction.atomic
def _mark(versions: dict[int, int]) -> None:
    """Remembers which version of each post was right. Posts that somebody has locked are recounted again."""
    locked = Post.objects.select_for_update(skip_locked=True, no_key=True).filter(pk__in=versions)
    same = [pk for pk, version in locked.values_list("pk", "version") if version == versions[pk]]
    Post.objects.filter(pk__in=same).update(recounted_version=F("version"))
