"""Messages and page ratings that come from the feedback tag on pages of other sites."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from embed import identity, services
from embed.identity import verified_user
from embed.models import Site
from embed.views.tag import script_text
from feedback import rate_limits
from feedback.models import Mail, Message, Rating
from feedback.services import rate_page
from notifications.models import Notification
from tests.embed.conftest import new_site
from tests.embed.requests import ORIGIN, PAGE, Response, request, submit

pytestmark = pytest.mark.django_db(transaction=True)
messages = database_sync_to_async(lambda: list(Message.objects.order_by("pk")))
ratings = database_sync_to_async(lambda: list(Rating.objects.order_by("pk").select_related("message")))
count_mails = database_sync_to_async(Mail.objects.count)
EVIL = {"origin": "https://evil.example"}
HTML = {"accept": "text/html"}


async def send(message: str = "Lovely.", /, headers: dict[str, str] | None = None, **fields: str) -> Response:
    return await submit("/embed/feedback/", {"message": message, "page": PAGE, **fields}, **(headers or {}))


async def rate(helpful: str = "1", /, headers: dict[str, str] | None = None, **fields: str) -> Response:
    return await submit("/embed/ratings/", {"helpful": helpful, "page": PAGE, **fields}, **(headers or {}))


async def test_a_message_with_an_address_gets_a_receipt_and_a_confirmation(site: Site) -> None:
    response = await send(email="yuna@example.com", page=f"{PAGE}?utm_source=mail#top")
    [message] = await messages()
    assert (message.text, message.email, message.page) == ("Lovely.", "yuna@example.com", PAGE)
    assert message.source == f"site-{site.pk}" and message.identity == ""
    assert (response.status, await count_mails()) == (201, 1)
    assert response.json["receipt"] == settings.SITE_URL + message.get_absolute_url()
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-credentials" not in response.headers and "set-cookie" not in response.headers


async def test_a_message_without_an_address_gets_no_email_and_no_receipt(site: Site, staff: User) -> None:
    response = await send()
    assert (response.status, response.json["receipt"], await count_mails()) == (201, None, 0)
    assert [message.email for message in await messages()] == [""]
    assert await database_sync_to_async(Notification.objects.filter(type="feedback").count)() == 1


async def test_a_new_visitor_gets_a_token_and_a_known_one_does_not(site: Site) -> None:
    token = (await send()).json["token"]
    assert "token" not in (await send("Again", token=token)).json
    assert "token" not in (await rate(token=token)).json
    assert "token" in (await rate(token="forged")).json


async def test_the_same_form_sent_twice_is_one_message(site: Site) -> None:
    first, second = await send(form="abc", email="a@example.com"), await send(form="abc", email="a@example.com")
    assert first.json["receipt"] == second.json["receipt"] and len(await messages()) == 1
    await send(form="abd", email="a@example.com")
    assert len(await messages()) == 2


async def test_what_is_wrong_with_a_message_is_one_sentence(site: Site) -> None:
    for status, response in (
        (422, await send("")),
        (422, await send(" \n")),
        (422, await send("x" * 5001)),
        (422, await send("a\0b")),
        (422, await send(email="nobody")),
        (403, await send(page="https://elsewhere.example/")),
        (400, await send(page="https://[::1")),
        (400, await send(page="x" * 501)),
        (403, await send(headers=EVIL)),
        (403, await send(headers={"origin": ""})),
    ):
        assert (response.status, len(response.json["error"]) > 5) == (status, True), response.text
    assert await messages() == []
    assert (await send("한", email="x", headers={"accept_language": "ko"})).json[
        "error"
    ] != "Enter a valid email address."
    assert "access-control-allow-origin" not in (await send(headers=EVIL)).headers
    assert (await request("GET", "/embed/feedback/")).status == 405


async def test_a_plain_form_leads_to_the_receipt_or_back_to_its_page(site: Site) -> None:
    with_address = await send(email="a@example.com", headers=HTML)
    [message] = await messages()
    assert with_address.status == 303 and with_address.headers["location"].endswith(message.get_absolute_url())
    for response in (await send(headers=HTML), await rate(headers=HTML)):
        assert (response.status, response.headers["location"]) == (303, PAGE)
    elsewhere = await send(url="https://evil.example/", headers=HTML)
    assert elsewhere.headers["location"] == ORIGIN


async def test_a_network_that_sends_too_much_must_wait(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for bucket in rate_limits.networks.buckets:
        monkeypatch.setattr(bucket, "burst", 2)
    responses = [await send(), await rate(), await send(), await rate()]
    assert [response.status for response in responses] == [201, 200, 429, 429]
    assert int(responses[2].headers["retry-after"]) > 0 and responses[2].json["error"]
    assert responses[2].headers["access-control-allow-origin"] == ORIGIN, "the page may read why"


async def test_a_token_that_sends_too_much_must_wait_and_others_need_not(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits.visitors, "burst", 1)
    token = (await send()).json["token"]
    assert [(await send(token=token)).status for _ in range(2)] == [201, 429]
    assert (await send()).status == 201


async def test_a_vote_is_stored_once_for_each_visitor_and_page_and_can_be_changed(site: Site) -> None:
    first = await rate("1")
    assert (first.status, first.json["helpful"]) == (200, True)
    token = first.json["token"]
    await rate("0", token=token)
    await rate("1", token=token, page="guide")
    await rate("1")
    found = [(rating.page, rating.helpful, rating.source) for rating in await ratings()]
    source = f"site-{site.pk}"
    assert found == [(PAGE, False, source), ("guide", True, source), (PAGE, True, source)]
    assert await messages() == []


async def test_a_text_with_a_vote_becomes_one_message(site: Site) -> None:
    token = (await rate("0")).json["token"]
    for _ in range(2):
        await rate("0", token=token, text="The link is broken.")
    await rate("1", token=token)
    [message], [rating] = await messages(), await ratings()
    assert (message.text, message.page, message.source) == ("The link is broken.", PAGE, f"site-{site.pk}")
    assert rating.helpful and rating.message == message, "a later vote keeps the text"


async def test_a_vote_that_is_none_is_refused(site: Site) -> None:
    responses = [await rate("2"), await rate(""), await rate(page=""), await rate(page="https://elsewhere.example/")]
    responses += [await rate(text="x" * 5001), await rate(headers=EVIL)]
    assert [response.status for response in responses] == [400, 400, 400, 403, 422, 403]
    assert all(response.json["error"] for response in responses) and await ratings() == []


async def test_a_signed_user_is_known_and_any_other_is_anonymous(site: Site, other_site: Site) -> None:
    good, foreign = identity.sign(site.secret, "u-7"), identity.sign(other_site.secret, "u-7")
    await send("1", user="u-7", signature=good)
    for number, (user, signature) in enumerate(
        [("u-7", ""), ("u-8", good), ("u-7", foreign), ("u-7", good.upper()), ("u-7", "é"), ("", good)]
    ):
        await send(f"anonymous {number}", user=user, signature=signature)
    await rate(text="With a vote", user="u-7", signature=good)
    assert [message.identity for message in await messages()] == ["u-7", *[""] * 6, "u-7"]


def test_a_user_id_that_is_no_plain_text_is_anonymous_and_so_is_one_without_a_secret(mina: User) -> None:
    site = new_site(mina, "Blog", ORIGIN)
    for user in ("x" * 201, "a\0b", "a\nb"):
        assert verified_user(site.pk, user, identity.sign(site.secret, user)) == ""
    assert verified_user(site.pk, "x" * 200, identity.sign(site.secret, "x" * 200)) != ""
    Site.objects.update(secret="")
    assert verified_user(site.pk, "u", identity.sign("", "u")) == "", "a secret that no key can read signs nothing"


def test_staff_see_the_secret_on_request_and_can_replace_it(client: Client, staff: User, mina: User) -> None:
    site = new_site(mina, "Blog", ORIGIN)
    client.force_login(staff)
    path, old = f"/sites/{site.pk}/secret/", site.secret
    assert old not in client.get(f"/sites/{site.pk}/").content.decode()
    shown = client.post(path, {"do": "reveal"})
    assert old in shown.content.decode() and "no-store" in shown["cache-control"]
    replaced = client.post(path, {"do": "replace"}).content.decode()
    site.refresh_from_db()
    assert site.secret != old and site.secret in replaced and old not in replaced
    client.force_login(mina)
    assert client.post(path).status_code == 403 and client.get(path).status_code == 405


def test_the_secret_is_encrypted_in_the_database(mina: User) -> None:
    site = new_site(mina, "Blog", ORIGIN)
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM embed_site")
        [stored] = cursor.fetchone()
    assert stored and site.secret not in stored and len(site.secret) > 40


async def test_staff_can_use_the_preview_and_other_pages_of_ours_cannot_name_a_site(site: Site) -> None:
    ours: dict[str, Any] = {"origin": "http://testserver", "sec_fetch_site": "same-origin"}
    assert (await send(page="preview", site=str(site.pk), headers=ours)).status == 201
    assert (await send(page="preview", headers=ours)).status == 403
    assert (await send(page="preview", site=str(site.pk), headers=EVIL)).status == 403


def test_the_inbox_shows_the_site_and_the_page_of_a_message(client: Client, staff: User, mina: User) -> None:
    site = new_site(mina, "Garden blog", ORIGIN)
    client.force_login(staff)
    client.post(
        "/embed/feedback/", {"message": "Lovely", "page": PAGE}, headers={"origin": ORIGIN}
    )  # multipart: no form of the tag, so the site is found by the origin all the same
    [message] = Message.objects.all()
    for path in ("/inbox/", f"/inbox/{message.pk}/"):
        page = client.get(path).content.decode()
        assert "Garden blog" in page and PAGE in page and "Anonymous" in page
    services.delete_site(site=site)
    assert message.source in client.get(f"/inbox/{message.pk}/").content.decode(), "the message stays"


def test_the_ratings_of_a_deleted_site_are_deleted(mina: User, jun: User) -> None:
    site, other = new_site(mina, "Blog", ORIGIN), new_site(jun, "Shop", "https://shop.example")
    for each in (site, other):
        rate_page(source=f"site-{each.pk}", page="x", visitor="v1", helpful=True)
    services.delete_site(site=site)
    assert [rating.source for rating in Rating.objects.all()] == [f"site-{other.pk}"]


def test_ratings_move_with_the_likes_when_the_url_of_a_page_changes(mina: User) -> None:
    site = new_site(mina, "Blog", ORIGIN)
    services.create_page(site_id=site.pk, owner_id=site.owner_id, key=PAGE)
    for page, visitor, helpful in ((PAGE, "v1", True), (PAGE, "v2", True), ("new", "v2", False)):
        rate_page(source=f"site-{site.pk}", page=page, visitor=visitor, helpful=helpful)
    rate_page(source="site-0", page=PAGE, visitor="v1", helpful=True)
    services.remap(site=site, old=PAGE, new=f"{PAGE}#top")
    assert Rating.objects.filter(page=PAGE).count() == 3, "it is the same page"
    services.remap(site=site, old=PAGE, new="new")
    found = {(rating.source, rating.page, rating.visitor, rating.helpful) for rating in Rating.objects.all()}
    source = f"site-{site.pk}"
    assert found == {(source, "new", "v1", True), (source, "new", "v2", False), ("site-0", PAGE, "v1", True)}


async def test_the_script_is_small_and_cacheable(db: None) -> None:
    response = await request("GET", "/embed/feedback.js")
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.text == script_text("feedback") and len(gzip.compress(response.text.encode())) <= 5000
    assert response.headers["etag"] != (await request("GET", "/embed/v1.js")).headers["etag"]


async def test_other_clients_may_still_send_any_body(site: Site) -> None:
    for content_type in ("text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
        response = await request(
            "POST", "/embed/applause/get-multiple", body=json.dumps([PAGE]), content_type=content_type
        )
        assert response.json == [{"url": PAGE, "claps": 0}]
