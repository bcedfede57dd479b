"""Floods of likes from one network: staff sees them and removes them; counts and bells follow."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from core.rate_limits import network_hash
from likes import networks, tasks
from likes.models import Like, Post
from likes.recount import recount
from likes.services import Click, set_likes
from notifications.models import Notification

pytestmark = pytest.mark.django_db(transaction=True)
FLOOD, OFFICE = "203.0.113.7", "198.51.100.9"


def flood(post: Post, number: int, address: str = FLOOD) -> None:
    now, network = timezone.now(), network_hash(address)
    set_likes(clicks=[Click(post.pk, f"v{address}{n}", True, now, network=network) for n in range(number)])
    tasks.settle_likes()


def test_only_visitors_without_an_account_are_known_by_the_hash_of_their_network(post: Post, jun: User) -> None:
    visitor, account = Client(REMOTE_ADDR=FLOOD), Client(REMOTE_ADDR=FLOOD)
    account.force_login(jun)
    account.get("/")
    for client in (visitor, account):
        assert client.post(f"/posts/{post.pk}/like/", {"liked": "1"}).status_code == 303
    assert Like.objects.get(visitor__startswith="v").network == network_hash("203.0.113.200") != network_hash(OFFICE)
    assert Like.objects.get(visitor__startswith="u").network == ""
    assert "203" not in network_hash(FLOOD)


def test_staff_sees_a_wave_and_removes_it_and_count_and_bell_follow(
    post: Post, mina: User, staff: User, client: Client
) -> None:
    flood(post, 600)
    flood(post, 3, OFFICE)
    assert (Post.objects.get().like_count, Notification.objects.get(type="liked").count) == (603, 603)
    client.force_login(staff)
    page = client.get("/likes/").content.decode()
    assert network_hash(FLOOD) in page and "600 likes" in page and network_hash(OFFICE) not in page
    assert client.post("/likes/take-back/", {"network": network_hash(FLOOD)})["location"] == "/likes/"
    assert "600 likes removed." in (page := client.get("/likes/").content.decode()) and "Nothing suspicious" in page
    while Like.objects.filter(settled_at=None).exists():
        tasks.settle_likes()
    assert (Post.objects.get().like_count, Notification.objects.get(type="liked").count) == (3, 3)
    assert sum(recount()) == 0


def test_only_staff_can_see_and_remove_waves(post: Post, mina: User, client: Client) -> None:
    flood(post, 20)
    client.force_login(mina)
    assert client.get("/likes/").status_code == 403
    assert client.post("/likes/take-back/", {"network": network_hash(FLOOD)}).status_code == 403
    assert Like.objects.filter(wanted=True).count() == 20


@pytest.mark.parametrize("network", ["", "-", "x" * 100, "\0"])
def test_a_network_that_sent_nothing_removes_nothing(post: Post, staff: User, client: Client, network: str) -> None:
    set_likes(clicks=[Click(post.pk, "v1", True, timezone.now())])
    client.force_login(staff)
    assert client.post("/likes/take-back/", {"network": network}).status_code == 302
    assert Like.objects.filter(wanted=True).count() == 1


def test_after_a_week_nobody_knows_the_network(post: Post) -> None:
    flood(post, 2)
    Like.objects.filter(visitor=f"v{FLOOD}0").update(clicked_at=timezone.now() - timedelta(days=8))
    tasks.forget_networks()
    assert [like.network for like in Like.objects.order_by("visitor")] == ["", network_hash(FLOOD)]


def test_a_wave_has_at_least_twenty_likes(post: Post) -> None:
    flood(post, networks.WAVE - 1)
    assert networks.waves() == []
    flood(post, networks.WAVE)
    [wave] = networks.waves()
    assert (wave["likes"], wave["posts"]) == (20, 1)
