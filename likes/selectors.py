"""Queries for pages and for the JSON API."""

from __future__ import annotations

from typing import Any

from core import visitors
from core.same_origin import Headers
from likes.models import Like, Post

PAGE_SIZE = 20  # posts


def state_for_headers(headers: Headers, post_id: int) -> dict[str, Any]:
    """The JSON of a post for the visitor in the cookie of these headers; empty if there is no such post."""
    found = with_personal_likes([*Post.objects.filter(pk=post_id)], visitors.read_headers(headers))
    return found[0].state if found else {}


def feed(*, visitor: str | None, before: int | None = None) -> tuple[list[Post], int | None]:
    """A page of posts, newest first, and the ``before`` of the next page (None at the end)."""
    posts = Post.objects.select_related("author")
    if before:
        posts = posts.filter(pk__lt=before)
    page = list(posts[: PAGE_SIZE + 1])
    more = page[PAGE_SIZE - 1].pk if len(page) > PAGE_SIZE else None
    return with_personal_likes(page[:PAGE_SIZE], visitor), more


def with_personal_likes(posts: list[Post], visitor: str | None) -> list[Post]:
    """Sets ``personal_like`` of each post to the visitor's like: it decides how the heart is painted."""
    likes_by_post = {}
    if visitor and posts:
        likes = Like.objects.filter(visitor=visitor, post__in=posts).select_related("post")
        likes_by_post = {like.post_id: like for like in likes}
    for post in posts:
        post.personal_like = likes_by_post.get(post.pk) or Like(post=post, wanted=False, counted=False)
        # The count that was read in the same query as the like: the worker may have settled it since the first query.
        post.like_count, post.version = post.personal_like.post.like_count, post.personal_like.post.version
    return posts
