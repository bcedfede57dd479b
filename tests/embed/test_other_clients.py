"""The wire formats of applause-button and OpenHeart, and counts that are imported from such services."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from embed.models import Page, Site
from likes import tasks
from likes.models import Like
from likes.recount import recount
from tests.embed.conftest import new_site
from tests.embed.requests import ORIGIN, PAGE, Response, like, pages, request

pytestmark = pytest.mark.django_db(transaction=True)
rows = database_sync_to_async(lambda: list(Like.objects.order_by("pk").select_related("post")))
settle = database_sync_to_async(tasks.settle_likes)
CLAPS = json.dumps("3,4.0.5")  # the body of applause-button: how many claps, and its version


async def applaud(url: str = PAGE, *, body: str = CLAPS, **headers: str) -> Response:
    query = f"url={url}" if url else ""
    return await request(
        "POST", "/embed/applause/update-claps", query=query, body=body, **{"content_type": "text/plain", **headers}
    )


async def count(url: str = PAGE, **headers: str) -> Response:
    return await request("GET", "/embed/applause/get-claps", query=f"url={url}" if url else "", **headers)


async def test_applause_is_a_like_and_returns_the_number_that_includes_it(site: Site) -> None:
    assert (await count()).text == "0" and await rows() == []
    response = await applaud()
    assert (response.status, response.text, response.headers["access-control-allow-origin"]) == (200, "1", ORIGIN)
    assert (await count()).text == "0", "others see it when it is settled"
    await settle()
    assert (await count()).text == "1" and (await applaud()).text == "1", "the same browser counts once"
    assert (await applaud(user_agent="Other")).text == "2"
    assert {row.post.text for row in await rows()} == {PAGE}


async def test_without_url_the_page_is_that_of_the_referer(site: Site) -> None:
    await applaud("", referer=PAGE)
    await settle()
    assert (await count("", referer=f"{PAGE}?utm_source=x")).text == "1"


async def test_several_counts_come_in_the_order_of_the_addresses(site: Site) -> None:
    await applaud()
    await settle()
    other = f"{ORIGIN}/other/"
    response = await request("POST", "/embed/applause/get-multiple", body=json.dumps([other, PAGE]))
    assert response.json == [{"url": other, "claps": 0}, {"url": PAGE, "claps": 1}]


async def test_a_heart_of_openheart_is_a_like_and_any_other_emoji_is_refused(site: Site) -> None:
    path = f"/embed/openheart/{quote('my-post')}"
    assert (await request("POST", path, body="❤️", accept="*/*")).status == 202
    refused = await request("POST", path, body="🔥")
    assert refused.status == 400 and "heart" in refused.json["error"]
    await settle()
    response = await request("GET", path)
    assert response.json == {"❤️": 1} and response.headers["access-control-allow-origin"] == ORIGIN
    assert (await pages("my-post")).json["pages"][0]["count"] == 1, "the tag shows the same page"


async def test_bad_requests_of_other_clients_get_a_sentence(site: Site) -> None:
    evil = {"origin": "https://evil.example"}
    for response in (
        await applaud("", referer=""),
        await applaud("https://elsewhere.example/"),
        await applaud(**evil),
        await count(**evil),
        *[
            await request("POST", "/embed/applause/get-multiple", body=body)
            for body in ("", "{}", "[1]", "nonsense", json.dumps([""]), json.dumps(["x"] * 101))
        ],
    ):
        assert response.status in (400, 403) and response.json["error"], response.text
    assert await rows() == []


def test_imported_counts_are_shown_with_the_likes_and_kept_apart(mina: User, tmp_path: Path) -> None:
    site = new_site(mina, "Blog", ORIGIN)
    file = tmp_path / "counts.csv"
    file.write_text(f"url,count\n{PAGE}?utm_source=x,17\n{ORIGIN}/other/,3\n\n")
    for _ in range(2):
        call_command("import_counts", str(file))
    post = Page.objects.select_related("post").get(key=PAGE).post
    assert (post.like_count, post.imported_count, post.count) == (0, 17, 17) and sum(recount()) == 0
    assert Page.objects.filter(site=site).count() == 2 and not Like.objects.exists()


async def test_a_like_of_a_page_with_an_imported_count_adds_to_it(site: Site) -> None:
    file = io.StringIO(f"{PAGE},17\n")
    await database_sync_to_async(import_from)(file)
    token = (await like()).json["token"]
    await settle()
    [state] = (await pages(PAGE, token=token)).json["pages"]
    assert (state["count"], state["liked"]) == (18, True)
    assert await database_sync_to_async(lambda: sum(recount()))() == 0


def import_from(file: io.StringIO) -> None:
    stdin, sys.stdin = sys.stdin, file
    try:
        call_command("import_counts", "-")
    finally:
        sys.stdin = stdin


def test_wrong_lines_are_named_and_the_others_imported(mina: User, tmp_path: Path) -> None:
    new_site(mina, "Blog", ORIGIN)
    file, errors = tmp_path / "counts.csv", io.StringIO()
    file.write_text(
        f"{PAGE},x\nhttps://elsewhere.example/,1\n{PAGE}\nhttps://[::1,3\n{PAGE},-1\n{PAGE},9999999999\n{PAGE},5\n"
    )
    with pytest.raises(SystemExit):
        call_command("import_counts", str(file), stderr=errors)
    assert [line.split(":")[0] for line in errors.getvalue().splitlines()] == [f"Line {n}" for n in range(1, 7)]
    assert Page.objects.select_related("post").get().post.count == 5
    with pytest.raises(CommandError):
        call_command("import_counts", str(tmp_path / "missing.csv"))
