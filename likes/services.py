"""The operations on posts and likes. Every entry point uses them: views, the like endpoint and the demo."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import AbstractBaseUser, User
from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from core import metrics
from core.visitors import COOKIE, account_key, new_key, read_cookie
from likes import networks, sql, tasks
from likes.author_notifications import subject
from likes.models import Like, Post, click_id
from likes.settling import settle
from likes.topics import count_event, feed_event, gone_event, saved_event
from live.broadcast import broadcast
from notifications.services import retract

MAX_SETTLING = 30.0  # seconds


class Click(NamedTuple):
    post_id: int
    visitor: str
    liked: bool
    at: datetime
    is_first: bool = False  # of this visitor: the reply sets the visitor cookie
    network: str = ""  # of a visitor without an account
    request_id: str = ""  # from a proxy

    @property
    def id(self) -> str:
        return click_id(self.post_id, self.at.timestamp())


Versions = dict[tuple[str, int], int]  # the version of a like, by visitor and post id


def set_likes(*, clicks: Iterable[Click]) -> Versions:
    """Stores clicks in one transaction; of several by one visitor on one post, the last counts. Returns the versions of
    the likes. A click on a post that does not exist is dropped and has none. The caller enqueues settling."""
    last = {(click.visitor, click.post_id): click for click in clicks}
    rows = [(*key, click.liked, click.at, click.network) for key, click in last.items()]
    if not rows:
        return {}
    try:
        versions = sql.store(rows)  # one statement: the shortest transaction
    except IntegrityError:  # a post was deleted while the statement ran
        versions = sql.store(rows)
    transaction.on_commit(lambda: metrics.count("likes_accepted", len(versions)))
    return versions


def take_back(*, network: str) -> int:
    """Removes the likes of the last week from a network. Returns how many there were."""
    number = networks.take_back(network)
    tasks.enqueue_settling()
    return number


def write_post(*, author: User, text: str) -> Post:
    post = Post.objects.create(author=author, text=text)
    broadcast([feed_event()])
    return post


def edit_post(*, post: Post, text: str) -> None:
    Post.objects.filter(pk=post.pk).update(text=text, edited_at=timezone.now())


def edit_page(*, post: Post, text: str, url: str) -> None:
    """Changes what the post of a page of another site says."""
    Post.objects.filter(pk=post.pk).update(text=text, page_url=url)


def import_count(*, post: Post, count: int) -> None:
    """Sets the number of likes from before Redheart."""
    Post.objects.filter(pk=post.pk).update(imported_count=count, version=F("version") + 1)
    broadcast([count_event(Post.objects.get(pk=post.pk))])


def delete_post(*, post: Post) -> None:
    pk = post.pk
    post.delete()
    retract(subject=subject(pk))
    broadcast([gone_event(pk), feed_event()])


def remove_likes(*, visitor: str) -> None:
    """Takes back the likes of a visitor and deletes their rows. Counts and bells follow before it returns; what cannot
    be settled within `MAX_SETTLING` stays, taken back."""
    likes, end = Like.objects.filter(visitor=visitor), time.monotonic() + MAX_SETTLING
    clicked = {"clicked_at": timezone.now(), "settled_at": None, "version": F("version") + 1}
    likes.filter(wanted=True).update(wanted=False, **clicked)
    while likes.filter(settled_at=None).exists() and time.monotonic() < end:
        settled = settle()
        broadcast([*map(count_event, settled.posts), *map(saved_event, settled.likes), *settled.bells])
        if not settled.likes:  # a worker has them
            time.sleep(0.05)
    likes.filter(wanted=False, settled_at__isnull=False).delete()


@transaction.atomic
def adopt_likes(*, visitor: str, account: str) -> None:
    """Moves a visitor's likes to an account. If both have clicked a post, either like is enough."""
    visitor_likes = Like.objects.select_for_update(of=("self",)).filter(visitor=visitor).select_related("post")
    account_likes = {like.post_id: like for like in Like.objects.select_for_update().filter(visitor=account)}
    clicked = {"clicked_at": timezone.now(), "settled_at": None, "version": F("version") + 1}
    for like in visitor_likes:
        if like.post_id not in account_likes:
            like.visitor = account
            if account == f"u{like.post.author_id}":
                like.settled_at = None  # settle again: an author is not notified of their own like
            like.save(update_fields=["visitor", "settled_at"])
            continue
        if like.wanted:
            Like.objects.filter(pk=account_likes[like.post_id].pk).update(wanted=True, **clicked)
        Like.objects.filter(pk=like.pk).update(wanted=False, **clicked)


def anonymise_likes(sender: type, instance: User, **_: Any) -> None:
    """Receiver of ``pre_delete``: the likes of a deleted account still count, but nobody can tell whose they were."""
    for like in Like.objects.filter(visitor=account_key(instance)).only("pk"):
        Like.objects.filter(pk=like.pk).update(visitor=new_key())


def adopt_at_sign_in(sender: type, request: HttpRequest | None, user: AbstractBaseUser, **_: Any) -> None:
    """Receiver of ``user_logged_in``: moves the likes of the visitor in the cookie to the account."""
    visitor = read_cookie(request.COOKIES.get(COOKIE)) if request else None
    if visitor and visitor.startswith("v"):
        adopt_likes(visitor=visitor, account=account_key(user))
        transaction.on_commit(tasks.enqueue_settling)
