"""Queries for pages and for the JSON API."""

from __future__ import annotations

import sys
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from core import visitors
from core.same_origin import Headers
from core.visitors import account_key
from likes import sql
from likes.feed_post import FeedPost
from likes.models import BY_ACCOUNT, Like, Post

PAGE_SIZE = 20  # posts
MAX_THROUGH = 200  # posts of a long page that is loaded again
MAX_NAMES = 100
NO_LIKE = Like(wanted=False, counted=False)  # of a visitor who has never clicked the heart of a post


def state_for_headers(headers: Headers, post_id: int) -> dict[str, Any]:
    """The JSON of a post for the visitor in the cookie of these headers; empty if there is no such post."""
    found = with_personal_likes([*Post.objects.filter(pk=post_id)], visitors.read_headers(headers))
    return found[0].state if found else {}


def feed(
    *, visitor: str | None, before: int | None = None, through: int | None = None, search: str = ""
) -> tuple[list[FeedPost], int | None]:
    """Posts, newest first, and the ``before`` of the next page (None at the end): a page, or with ``through`` all from
    the newest to the post with that id, at most `MAX_THROUGH`."""
    size, found = PAGE_SIZE, None
    if through and not before:
        size = min(MAX_THROUGH, max(PAGE_SIZE, _found(search).filter(pk__gte=through)[:MAX_THROUGH].count()))
    if search:
        found = list(_found(search).filter(pk__lt=before or sys.maxsize).values_list("pk", flat=True)[: size + 1])
    page = [FeedPost(*row) for row in sql.feed(visitor, size + 1, before=before, among=found)]
    return page[:size], page[size - 1].pk if len(page) > size else None


def _found(search: str) -> QuerySet[Post]:
    posts = Post.of_feed()
    return posts.filter(Q(text__icontains=search) | Q(author__username__iexact=search)) if search else posts


def newest() -> int:
    """The id of the newest post, or 0."""
    return Post.of_feed().values_list("pk", flat=True).first() or 0


def who_likes(post: Post) -> tuple[list[str], int]:
    """The names of the accounts that like a post, the latest first, at most `MAX_NAMES`, and how many others do."""
    likes = post.likes.filter(BY_ACCOUNT, counted=True).order_by("-clicked_at")
    keys = list(likes.values_list("visitor", flat=True)[:MAX_NAMES])
    names = {account_key(user): user.username for user in User.objects.filter(pk__in=[int(key[1:]) for key in keys])}
    found = [names[key] for key in keys if key in names]
    return found, max(0, post.like_count - len(found))


def with_personal_likes(posts: list[Post], visitor: str | None) -> list[Post]:
    """Sets ``personal_like`` of each post to the visitor's like: it decides how the heart is painted."""
    likes_by_post = {}
    if visitor and posts:
        likes = Like.objects.filter(visitor=visitor, post__in=posts).select_related("post")
        likes_by_post = {like.post_id: like for like in likes}
    for post in posts:
        post.personal_like = likes_by_post.get(post.pk, NO_LIKE)
        if post.personal_like is not NO_LIKE:
            # Read in the same query as the like: the worker may have settled it since the first query.
            post.like_count, post.version = post.personal_like.post.like_count, post.personal_like.post.version
    return posts
