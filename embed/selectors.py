from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import F, Q

from embed import keys
from embed.models import Page
from likes.models import Like, Post
from likes.selectors import with_personal_likes

State = dict[str, Any]  # topic, post, count, version; of this visitor: liked, counted, accepted, pending


def states(site_id: int, page_keys: Iterable[str], visitor: str | None) -> list[State]:
    """What the tag shows of each page, in the order of the keys. A page that nobody has liked has no post."""
    digests = [keys.digest(site_id, key) for key in page_keys]
    post_ids = dict(Page.objects.filter(digest__in=digests).values_list("digest", "post"))
    posts = {post.pk: post for post in with_personal_likes([*Post.objects.filter(pk__in=post_ids.values())], visitor)}
    return [_state(digest, posts.get(post_ids.get(digest, 0))) for digest in digests]


def most_liked(site_id: int, *, after: tuple[int, int] | None, limit: int) -> list[Page]:
    """The pages of a site with their posts and ``likes``, the most liked first. ``after``: likes and id of the last
    page that is known."""
    pages = Page.objects.filter(site=site_id).annotate(likes=F("post__like_count") + F("post__imported_count"))
    if after:
        likes, pk = after
        pages = pages.filter(Q(likes__lt=likes) | Q(likes=likes, pk__lt=pk))
    return list(pages.select_related("post").order_by("-likes", "-pk")[:limit])


def _state(digest: str, post: Post | None) -> State:
    if post is None:
        return {"topic": f"page.{digest}", "post": None, "count": 0, "version": -1, **_personal(None)}
    personal = post.personal_like
    return {
        "topic": f"post.{post.pk}",
        "post": post.pk,
        "count": post.count,
        "version": post.version,
        **_personal(personal),
    }


def _personal(like: Like | None) -> State:
    if like is None or like.pk is None:
        return {"liked": False, "counted": False, "accepted": 0, "pending": False}
    return {"liked": like.wanted, "counted": like.counted, "accepted": like.version, "pending": like.pending}
