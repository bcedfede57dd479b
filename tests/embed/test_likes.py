"""Likes of pages of other sites: what is accepted and refused, and that they are likes as any other."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client

from core.rate_limits import TokenBucket
from core.shared_rate_limits import NetworkLimit
from embed import rate_limits as site_limits
from embed import tokens
from embed.keys import BadKey, page_key
from embed.models import Page, Site
from embed.pages import find_or_create
from embed.sites import EmbeddedSite
from embed.views.tag import script_text
from likes import rate_limits, tasks
from likes.models import Like, Post
from notifications.models import Notification
from notifications.types import described
from tests.embed.requests import ORIGIN, PAGE, like, pages, request

pytestmark = pytest.mark.django_db(transaction=True)
rows = database_sync_to_async(lambda: list(Like.objects.order_by("pk").select_related("post")))
keys = database_sync_to_async(lambda: list(Page.objects.order_by("pk").values_list("key", flat=True)))
settle = database_sync_to_async(tasks.settle_likes)


async def test_a_page_comes_into_being_with_its_first_like_and_never_by_a_view(site: Site) -> None:
    [state] = (await pages(PAGE)).json["pages"]
    assert (state["post"], state["count"], state["liked"], await keys()) == (None, 0, False, [])
    response = await like()
    assert response.status == 202 and response.json["liked"] is True
    [row] = await rows()
    assert (row.post.text, row.post.page_url, row.post.in_feed, row.wanted, row.settled_at) == (
        PAGE, PAGE, False, True, None,
    )  # fmt: skip
    assert await keys() == [PAGE]


async def test_the_response_has_the_id_of_the_click_also_to_a_form_without_script(site: Site) -> None:
    for accept in ("application/json", "text/html"):
        response = await like(accept=accept)
        assert response.headers["x-request-id"] == (await rows())[-1].click_id


async def test_a_visitor_with_the_token_is_the_same_visitor(site: Site) -> None:
    token = (await like()).json["token"]
    again = await like(liked="0", token=token)
    assert "token" not in again.json and again.json["accepted"] == 2
    [row] = await rows()
    assert not row.wanted
    assert (await like()).json["accepted"] == 1, "another visitor"


async def test_the_state_of_a_page_has_the_settled_count_and_the_like_of_its_visitor(site: Site) -> None:
    token = (await like()).json["token"]
    [waiting] = (await pages(PAGE, token=token)).json["pages"]
    assert (waiting["count"], waiting["liked"], waiting["pending"]) == (0, True, True)
    await settle()
    ours, others = (await pages(PAGE, token=token)).json["pages"][0], (await pages(PAGE)).json["pages"][0]
    assert (ours["count"], ours["liked"], ours["counted"], ours["pending"]) == (1, True, True, False)
    assert (others["count"], others["liked"], others["topic"]) == (1, False, f"post.{ours['post']}")


async def test_the_owner_of_the_site_is_notified(site: Site, mina: User) -> None:
    await like()
    await settle()
    [group] = await database_sync_to_async(list)(Notification.objects.filter(recipient=mina))
    assert (group.type, group.count) == ("liked", 1)
    assert (await database_sync_to_async(described)([group]))[0].text == "1 person liked your page"


def test_a_page_is_not_in_the_feed_and_its_post_leads_to_it(site: Site, client: Client, mina: User) -> None:
    post = Post.objects.create(author=mina, text=PAGE, in_feed=False, page_url=PAGE)
    assert f'id="post-{post.pk}"' not in client.get("/").content.decode()
    response = client.get(f"/posts/{post.pk}/")
    assert (response.status_code, response["location"]) == (302, PAGE)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("HTTPS://Blog.Example/a/../hello?utm_source=x&b=2&a=1#top", f"{ORIGIN}/hello?a=1&b=2"),
        (f"{ORIGIN}/hello/?fbclid=1", PAGE),
        (ORIGIN, f"{ORIGIN}/"),
        ("  my-first-post ", "my-first-post"),
        (f"{ORIGIN}/한국", f"{ORIGIN}/%ED%95%9C%EA%B5%AD"),
    ],
)
def test_the_same_page_has_one_key_however_it_was_reached(text: str, key: str) -> None:
    assert page_key(text) == key


@pytest.mark.parametrize("text", ["", "   ", "x" * 501, "a\0b", "https://[::1", "https://blog.example:x/"])
def test_a_bad_key_is_refused(text: str) -> None:
    with pytest.raises(BadKey):
        page_key(text)


async def test_every_refusal_is_one_sentence_that_only_a_listed_page_can_read(site: Site) -> None:
    cases: list[tuple[int, bool, dict[str, Any]]] = [
        (400, True, {"page": ""}),
        (400, True, {"page": "x" * 501}),
        (400, True, {"liked": "2"}),
        (413, False, {"page": "x" * 9000}),
        (403, True, {"page": "https://elsewhere.example/"}),
        (403, False, {"origin": "https://evil.example"}),
        (403, False, {"origin": "null"}),
        (403, False, {"origin": f"{ORIGIN}\0"}),
        (403, False, {"origin": ""}),
        (403, False, {"origin": f"{ORIGIN}.evil.example"}),
        (403, False, {"origin": "http://blog.example"}),
        (400, False, {"host": "evil.example"}),
    ]
    for status, readable, changes in cases:
        response = await like(**changes)
        assert (response.status, "access-control-allow-origin" in response.headers) == (status, readable), changes
        assert response.json["error"], changes
    assert await rows() == [] and await keys() == []


async def test_exactly_the_origin_may_read_the_response_and_no_cookie_is_set(site: Site) -> None:
    for response in (await like(), await pages(PAGE)):
        assert response.headers["access-control-allow-origin"] == ORIGIN
        assert "Origin" in response.headers["vary"]
        assert "access-control-allow-credentials" not in response.headers and "set-cookie" not in response.headers
    refused = await pages(PAGE, origin="https://evil.example")
    assert refused.status == 403 and "access-control-allow-origin" not in refused.headers


async def test_tokens_of_one_site_and_forged_ones_are_worthless_at_another(site: Site, other_site: Site) -> None:
    token = (await like()).json["token"]
    elsewhere = {"page": "key", "origin": "https://shop.example"}
    for worthless in (token, token[:-1], f"{other_site.pk}.v1", tokens.issue(site.pk, "v1"), "x" * 300):
        response = await like(token=worthless, **elsewhere)
        assert (response.status, response.json["accepted"]) == (202, 1) and response.json["token"] != worthless
    assert tokens.read(other_site.pk, tokens.issue(other_site.pk, "v1")) == "v1"


async def test_two_sites_may_use_the_same_key_for_different_pages(site: Site, other_site: Site) -> None:
    first, second = await like("home"), await like("home", origin="https://shop.example")
    assert first.json["post"] != second.json["post"]
    authors = {row.post.author_id for row in await rows()}
    assert authors == {site.owner_id, other_site.owner_id}


async def test_without_script_a_form_returns_to_its_page_and_the_same_browser_is_one_visitor(site: Site) -> None:
    for _ in range(2):
        response = await like(url=f"{PAGE}#heart", accept="text/html", user_agent="Lynx")
        assert (response.status, response.headers["location"]) == (303, f"{PAGE}#heart")
    response = await like(url="https://evil.example/", accept="text/html", user_agent="Other")
    assert response.headers["location"] == ORIGIN
    assert len(await rows()) == 2


async def test_a_long_korean_address_is_liked_and_returned_to(site: Site) -> None:
    page = f"{ORIGIN}/{'한' * 52}/"
    encoded = page_key(page)
    token = (await like(encoded, url=encoded)).json["token"]
    assert (await like(encoded, url=encoded, token=token)).json["accepted"] == 2
    response = await like(page, url=page, accept="text/html")
    assert (response.status, response.headers["location"]) == (303, encoded)
    assert await keys() == [encoded]


@pytest.mark.parametrize("url", [f"{PAGE}\r\nSet-Cookie: a=b", f"{PAGE}\0", f"{PAGE}{'x' * 500}"])
async def test_an_address_that_cannot_be_stored_is_not_returned_to(site: Site, url: str) -> None:
    response = await like("key", url=url, accept="text/html")
    assert (response.status, response.headers["location"]) == (303, ORIGIN)
    [row] = await rows()
    assert row.post.page_url == ""


async def test_new_pages_new_visitors_and_clicks_are_limited(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    token = (await like()).json["token"]
    monkeypatch.setattr(site_limits, "new_pages", TokenBucket(burst=1, rate=1 / 60))
    assert (await like("a", token=token)).status == 202
    refused = await like("b", token=token)
    assert refused.status == 429 and 0 < int(refused.headers["retry-after"]) <= 60
    assert (await like("a", token=token)).status == 202, "a known page is not new"
    monkeypatch.setattr(rate_limits, "new_visitors", NetworkLimit("test", burst=0, rate=1 / 60))
    assert (await like()).status == 429 and (await like(token=token)).status == 202
    monkeypatch.setattr(site_limits.clicks, "burst", 0)
    monkeypatch.setattr(site_limits.clicks, "buckets", {})
    assert (await like(token=token)).status == 429


async def test_a_page_that_was_deleted_can_be_liked_again(site: Site) -> None:
    post_id = (await like()).json["post"]
    await database_sync_to_async(lambda: Post.objects.get(pk=post_id).delete())()
    assert (await like()).status == 404
    assert (await like()).json["post"] != post_id


async def test_the_script_may_be_loaded_by_every_page_and_is_at_most_5_kb(site: Site) -> None:
    response = await request("GET", "/embed/v1.js")
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    assert response.text == script_text() and len(gzip.compress(response.text.encode())) <= 5000
    again = await request("GET", "/embed/v1.js", if_none_match=response.headers["etag"])
    assert again.status == 304


async def test_while_the_database_is_away_a_like_is_refused_and_the_next_one_works(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OperationalError("away")

    for module, name, readable in (
        ("embed.sites", "by_origin", False),
        ("embed.pages", "find", True),
        ("embed.pages", "create", True),
    ):
        with monkeypatch.context() as broken:
            broken.setattr(f"{module}.{name}", fail)
            response = await like()
        assert (response.status, response.headers["retry-after"]) == (503, "2")
        assert ("access-control-allow-origin" in response.headers) == readable
    assert (await like()).status == 202


def test_first_likes_at_the_same_moment_make_one_page(site: Site) -> None:
    found = EmbeddedSite(site.pk, site.owner_id, frozenset([ORIGIN]))

    def find() -> int:
        try:
            barrier.wait(60)
            return find_or_create(found, PAGE)
        finally:
            connection.close()

    for _ in range(5):
        barrier = Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(find) for _ in range(4)]
            assert len({job.result() for job in jobs}) == 1
        assert Page.objects.count() == Post.objects.count() == 1
        Post.objects.all().delete()
