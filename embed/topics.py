"""The live topic ``page.<digest>`` of a page that nobody has liked yet. With the first like its state names the post,
whose topic the tag watches from then on."""

from __future__ import annotations

from collections.abc import Iterable

from embed.models import Page
from live import topics
from live.topics import Event, event


def page_event(digest: str, post_id: int | None) -> Event:
    return event(f"page.{digest}", bool(post_id), {"post": post_id})


def first_likes(digests: list[str]) -> Iterable[Event]:
    posts = dict(Page.objects.filter(digest__in=digests).values_list("digest", "post"))
    yield from (page_event(digest, posts.get(digest)) for digest in digests)


topics.declare("page", snapshot=first_likes)
