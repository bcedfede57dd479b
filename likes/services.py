"""The verbs of likes. Every door uses them: the page, the like door, the demo, the admin."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import AbstractBaseUser, User
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from core.visitors import COOKIE, account_key, read
from likes import sql, tasks
from likes.author_notifications import subject
from likes.models import Like, Post
from likes.topics import feed_event, gone_event
from live.broadcast import broadcast
from notifications.services import retract


class Click(NamedTuple):
    post: int
    visitor: str
    liked: bool
    at: datetime


def set_likes(*, clicks: Iterable[Click]) -> set[int]:
    """Stores what visitors want, the last click of each counting, in one transaction. Returns the posts that exist;
    clicks on others are dropped. The caller asks for settling, after the commit."""
    last = {(click.visitor, click.post): click for click in clicks}
    try:
        return _store(last)
    except IntegrityError:  # a post was deleted between the two statements
        return _store(last)


def _store(last: dict[tuple[str, int], Click]) -> set[int]:
    posts = {post for _, post in last}
    rows = [(*key, click.liked, click.at) for key, click in last.items()]
    if not rows or sql.store(rows) == len(rows):  # a transaction of its own, as short as can be
        return posts
    return set(Post.objects.filter(pk__in=posts).values_list("pk", flat=True))


def set_like(*, post: int, visitor: str, liked: bool) -> datetime:
    """One click, stored and asked for. Returns when it was accepted. Raises `Post.DoesNotExist`."""
    click = Click(post, visitor, liked, timezone.now())
    if not set_likes(clicks=[click]):
        raise Post.DoesNotExist
    tasks.enqueue_settling()
    return click.at


def write_post(*, author: User, text: str) -> Post:
    post = Post.objects.create(author=author, text=text)
    broadcast([feed_event()])
    return post


def delete_post(*, post: Post) -> None:
    pk = post.pk
    post.delete()
    retract(subject=subject(pk))
    broadcast([gone_event(pk), feed_event()])


@transaction.atomic
def adopt_likes(*, visitor: str, account: str) -> None:
    """Moves a visitor's likes to an account. Where both have one the account keeps one like, if either wanted it."""
    theirs = Like.objects.select_for_update(of=("self",)).filter(visitor=visitor).select_related("post")
    mine = {like.post_id: like for like in Like.objects.select_for_update().filter(visitor=account)}
    now = timezone.now()
    for like in theirs:
        if like.post_id not in mine:
            like.visitor = account
            if account == f"u{like.post.author_id}":
                like.settled_at = None  # an author's own like leaves the group that tells of it
            like.save(update_fields=["visitor", "settled_at"])
            continue
        if like.wanted:
            Like.objects.filter(pk=mine[like.post_id].pk).update(wanted=True, clicked_at=now, settled_at=None)
        Like.objects.filter(pk=like.pk).update(wanted=False, clicked_at=now, settled_at=None)


def adopt_at_sign_in(sender: type, request: HttpRequest | None, user: AbstractBaseUser, **_: Any) -> None:
    visitor = read(request.COOKIES.get(COOKIE)) if request else None
    if visitor and visitor.startswith("v"):
        adopt_likes(visitor=visitor, account=account_key(user))
        transaction.on_commit(tasks.enqueue_settling)
