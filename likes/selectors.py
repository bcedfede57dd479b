"""What pages and programs read of posts and likes."""

from __future__ import annotations

from typing import Any

from django.http import parse_cookie

from core import visitors
from core.same_origin import Headers
from likes.models import Like, Post

PAGE = 20


def post_state(*, post: int, visitor: str | None) -> dict[str, Any]:
    """A post as its JSON shows it, straight from the database. Raises `Post.DoesNotExist`."""
    found = Post.objects.only("like_count", "version").get(pk=post)
    liked = bool(visitor) and Like.objects.filter(post=post, visitor=visitor, wanted=True).exists()
    return {"post": found.pk, "count": found.like_count, "version": found.version, "liked": liked}


def state_of(headers: Headers, post: int) -> dict[str, Any]:
    """The same for the visitor whom a raw request names; empty where there is no such post."""
    visitor = visitors.read(parse_cookie(headers.get("cookie", "")).get(visitors.COOKIE))
    try:
        return post_state(post=post, visitor=visitor)
    except Post.DoesNotExist:
        return {}


def feed(*, visitor: str | None, before: int | None = None) -> tuple[list[Post], int | None]:
    """A page of posts, newest first, and where the next one starts (None at the end)."""
    posts = Post.objects.select_related("author")
    if before:
        posts = posts.filter(pk__lt=before)
    page = list(posts[: PAGE + 1])
    more = page[PAGE - 1].pk if len(page) > PAGE else None
    return with_personal_likes(page[:PAGE], visitor), more


def with_personal_likes(posts: list[Post], visitor: str | None) -> list[Post]:
    """Puts the visitor's own like on each post as ``mine``: it decides how its heart is painted."""
    mine = {}
    if visitor and posts:
        likes = Like.objects.filter(visitor=visitor, post__in=posts).select_related("post")
        mine = {like.post_id: like for like in likes}
    for post in posts:
        post.personal_like = mine.get(post.pk) or Like(post=post, wanted=False, counted=False)
        # The count that was read together with the like: the worker may have settled it between two statements.
        post.like_count, post.version = post.personal_like.post.like_count, post.personal_like.post.version
    return posts
