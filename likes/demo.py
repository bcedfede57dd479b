"""Demo posts with likes, for a new development site."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from core.visitors import account_key, new_key
from likes.models import Post
from likes.services import Click, set_likes
from likes.settling import settle

POSTS = [  # author, hours ago, likes, text
    ("jun", 73, 12, "A task takes ids, never objects. By the time the worker reads it, the row may have moved on."),
    ("mina", 52, 31, "기다리지 않아도 되는 일은 워커에게. 사용자는 20초 동안 빈 화면을 볼 이유가 없다."),
    ("jun", 49, 8, "Prefetch is often misunderstood: short tasks stuck behind one long one. Two queues, two workers."),
    ("mina", 30, 24, "ignore_result is the smallest setting with the largest effect. Who reads that result anyway?"),
    ("jun", 26, 19, "Open this page in two windows side by side, and click a heart in one of them."),
    (
        "mina",
        7,
        212,
        "좋아요를 누르면 하트는 바로 빨개지고, 일은 뒤에서 차례대로 끝납니다. 끝나면 화면이 먼저 알려 줍니다.",
    ),
    (
        "jun",
        2,
        38,
        "A broker is the whiteboard in the call centre: calls keep coming in, the board keeps the order, "
        "whoever is free takes the next one.",
    ),
    (
        "mina",
        0,
        1204,
        "Our queue was two days behind and nobody noticed, because the page looked finished. "
        "Today every button on it tells you when the work is really done.",
    ),
]


def load() -> None:
    """Called by the command ``prepare``."""
    authors = {user.username: user for user in User.objects.filter(username__in=["mina", "jun"])}
    now = timezone.now()
    for author, hours, likes, text in POSTS:
        at = now - timedelta(hours=hours, minutes=2)
        post = Post.objects.create(author=authors[author], text=text, created_at=at)
        others = [account_key(user) for name, user in authors.items() if name != author]
        set_likes(clicks=[Click(post.pk, key, True, at) for key in others + [new_key() for _ in range(likes - 1)]])
    while settle().likes:
        pass
