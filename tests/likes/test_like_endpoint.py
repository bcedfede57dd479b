"""The like endpoint: what it accepts and refuses, and that a 2xx response means a committed row."""

from __future__ import annotations

import asyncio
import json
from time import monotonic
from typing import Any

import pytest
from django.contrib.auth.models import User

from core import rate_limits as core_rate_limits
from core import visitors
from core.shared_rate_limits import NetworkLimit
from likes import rate_limits
from likes.asgi import LikeEndpoint
from likes.models import Post
from tests.likes.clicks import click, rows

pytestmark = pytest.mark.django_db(transaction=True)
EMPTY_BUCKET = (0.0, monotonic() + 1e6)  # it does not fill during a test


async def test_the_response_comes_when_the_row_is_committed(post: Post) -> None:
    response = await click(post.pk, key="v1", hx_request="true")
    assert (response.status, response.text) == (204, "")
    (row,) = await rows()
    assert (row.post_id, row.visitor, row.wanted, row.settled_at) == (post.pk, "v1", True, None)
    assert int(response.headers["x-accepted"]) == row.version
    assert response.headers["x-request-id"] == row.click_id


async def test_htmx_gets_204_a_program_gets_json_and_a_form_is_redirected_back(post: Post) -> None:
    assert (await click(post.pk, key="v1", hx_request="true")).status == 204
    response = await click(post.pk, key="v1", accept="application/json")
    assert (response.status, json.loads(response.text)) == (202, {"post": post.pk, "liked": True})
    response = await click(post.pk, key="v1", referer="http://testserver/?before=9")
    assert (response.status, response.headers["location"]) == (303, f"/?before=9#post-{post.pk}")


@pytest.mark.parametrize("referer", ["http://evil.example/trap", "http://testserver//evil.example/", "http://[::1"])
async def test_a_form_is_never_redirected_to_another_site(post: Post, referer: str) -> None:
    response = await click(post.pk, key="v1", referer=referer)
    assert response.headers["location"] == f"/posts/{post.pk}/#post-{post.pk}"


async def test_a_new_visitor_gets_an_httponly_cookie_and_a_known_one_gets_none(post: Post) -> None:
    first = await click(post.pk, hx_request="true")
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert first.headers["hx-trigger"] == "visitor:named"
    again = await click(post.pk, hx_request="true", cookie=cookie.split(";")[0])
    assert "set-cookie" not in again.headers
    assert len(await rows()) == 1


async def test_a_forged_cookie_is_ignored(post: Post) -> None:
    response = await click(post.pk, cookie=f"{visitors.COOKIE}=u1:1xV7mo:forged")
    assert response.status == 303
    (row,) = await rows()
    assert row.visitor.startswith("v")


async def test_two_visitors_behind_one_address_both_count(post: Post) -> None:
    await asyncio.gather(click(post.pk, key="v1"), click(post.pk, key="v2"))
    assert [row.visitor for row in await rows()] == ["v1", "v2"]


@pytest.mark.parametrize("body", ["", "liked=", "liked=2", "liked=true", "x=1", "liked=1;", "\x00", "%ff=%ff"])
async def test_an_invalid_body_is_400_with_one_sentence_and_changes_nothing(post: Post, body: str) -> None:
    response = await click(post.pk, body, key="v1")
    assert (response.status, response.text) == (400, "Send liked=1 or liked=0.")
    response = await click(post.pk, body, key="v1", accept="application/json")
    assert json.loads(response.text) == {"error": "Send liked=1 or liked=0."}
    assert await rows() == []


async def test_an_unknown_post_is_404(post: Post) -> None:
    response = await click(post.pk + 1, key="v1", accept_language="ko")
    assert response.status == 404 and response.text
    assert await rows() == []


async def test_a_large_body_is_413(post: Post) -> None:
    response = await click(post.pk, "liked=1&" + "x" * 2000, key="v1")
    assert response.status == 413
    assert await rows() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"origin": "http://evil.example"},
        {"origin": "http://eviltestserver"},
        {"origin": "http://testserver.evil.example"},
        {"origin": "null"},
        {"origin": "http://testserver:81"},
        {"origin": "http://[::1"},
        {"origin": "http://testserver", "x_forwarded_proto": "https"},
    ],
)
async def test_a_page_of_another_site_cannot_like(post: Post, headers: dict[str, str]) -> None:
    assert (await click(post.pk, key="v1", **headers)).status == 403
    assert await rows() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "same-origin"},
        {"origin": "http://testserver"},
        {"origin": "https://testserver", "x_forwarded_proto": "https"},
        {},
    ],
)
async def test_pages_of_this_site_and_programs_can_like(post: Post, headers: dict[str, str]) -> None:
    assert (await click(post.pk, key="v1", **headers)).status == 303


async def test_an_unknown_host_is_refused(post: Post) -> None:
    assert (await click(post.pk, key="v1", host="evil.example")).status == 400
    assert await rows() == []


async def test_too_many_clicks_are_429_with_the_current_state_and_other_visitors_are_not_limited(post: Post) -> None:
    rate_limits.clicks.buckets["v1"] = EMPTY_BUCKET
    response = await click(post.pk, key="v1", accept="application/json")
    assert response.status == 429
    assert int(response.headers["retry-after"]) >= 1
    state = json.loads(response.text)
    assert state["error"] and (state["liked"], state["count"]) == (False, 0)
    assert (await click(post.pk, key="v2")).status == 303


async def test_a_forged_forwarded_header_does_not_evade_the_rate_limit(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "new_visitors", NetworkLimit("test", burst=0, rate=1 / 60))
    assert (await click(post.pk, x_forwarded_for="203.0.113.9")).status == 429
    assert await rows() == []


async def test_new_visitors_of_one_network_like_a_post_only_so_often_and_visitors_with_a_cookie_still_do(
    post: Post, mina: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "new_visitors_of_post", NetworkLimit("test", burst=2, rate=1 / 60))
    assert [(await click(post.pk)).status for _ in range(3)] == [303, 303, 429]
    assert (await click(post.pk, key="v1")).status == 303
    another = await Post.objects.acreate(author=mina, text="Another")
    assert (await click(another.pk)).status == 303
    assert len(await rows()) == 4


def test_a_visitor_may_click_sixty_times_at_once_and_then_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(core_rate_limits, "monotonic", lambda: clock[0])

    def accepted() -> int:
        return [rate_limits.clicks.take("v1") for _ in range(200)].count(0)

    assert accepted() == 60
    clock[0] = 1.0
    assert accepted() == 10


@pytest.mark.parametrize(("limit", "seconds"), [(rate_limits.new_visitors, 2), (rate_limits.new_visitors_of_post, 60)])
def test_a_network_may_bring_120_new_visitors_at_once_and_then_one_in_some_seconds(
    limit: NetworkLimit, seconds: int
) -> None:
    waits = [limit.take("192.0.2.1") for _ in range(200)]
    assert 120 <= waits.count(0) <= 150, "some more, because it took some time"
    assert seconds / 2 <= max(waits) <= seconds


async def test_the_last_of_fifty_clicks_wins_without_an_error(post: Post) -> None:
    responses = [await click(post.pk, f"liked={n % 2}", key="v1") for n in range(50)]
    assert {response.status for response in responses} == {303}
    assert [row.wanted for row in await rows()] == [True]


async def test_another_content_type_is_left_to_django(post: Post) -> None:
    seen = []

    async def django(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope["path"])
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    assert (
        await click(post.pk, app=LikeEndpoint(django), content_type="multipart/form-data; boundary=x")
    ).status == 418
    assert seen == [f"/posts/{post.pk}/like/"]


@pytest.mark.parametrize("post_id", [int("9" * 50), int("9" * 19), int("9" * 18)])
async def test_a_post_that_no_database_can_have_is_not_found(db: None, post_id: int) -> None:
    assert (await click(post_id, key="v1")).status == 404


async def test_the_visitor_cookie_of_an_account_is_worthless_without_its_session(post: Post, jun: User) -> None:
    signed_in = await click(post.pk, key=f"u{jun.pk}")
    assert signed_in.status == 303
    copied = f"{visitors.COOKIE}={visitors.signer.sign(f'u{jun.pk}')}"
    for cookie in (copied, f"{copied}; sessionid=nonsense"):
        response = await click(post.pk, "liked=0", cookie=cookie)
        assert response.status == 303 and "set-cookie" in response.headers, "a new visitor"
    assert [row.wanted for row in await rows() if row.visitor == f"u{jun.pk}"] == [True]
