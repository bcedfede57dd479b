"""The page ratings in the inbox, and messages without an address."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from feedback import exports, services
from feedback.models import Block, ExportChunk, Mail, Message, Rating
from feedback.services import rate_page

pytestmark = pytest.mark.django_db
Write = Callable[..., Message]


def vote(page: str, visitor: str, helpful: bool, source: str = "site-1", text: str = "") -> Rating:
    return rate_page(source=source, page=page, visitor=visitor, helpful=helpful, text=text)


def shown(client: Client, query: str = "") -> list[list[str]]:
    """The table of the file: it has the rows of the page."""
    text = client.get(f"/inbox/ratings.csv{query}").content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))[1:]


@pytest.mark.parametrize("path", ["/inbox/ratings/", "/inbox/ratings.csv"])
def test_only_staff_see_the_ratings(client: Client, mina: User, path: str) -> None:
    assert client.get(path).headers["Location"].startswith("/accounts/login/")
    client.force_login(mina)
    assert client.get(path).status_code == 403


def test_each_page_has_its_votes_and_the_share_of_yes(staff_client: Client) -> None:
    assert "No ratings yet." in staff_client.get("/inbox/ratings/").content.decode()
    for visitor, helpful in (("v1", True), ("v2", True), ("v3", False)):
        vote("/guide/", visitor, helpful)
    vote("/guide/", "v3", False, text="Too short")
    page = staff_client.get("/inbox/ratings/").content.decode()
    assert "/guide/" in page and "67%" in page and "1 message" in page
    [[site, guide, yes, no, share, messages, latest]] = shown(staff_client)
    assert (site, guide, yes, no, share, messages) == ("site-1", "/guide/", "2", "1", "67", "1") and latest


def test_pages_come_newest_first_or_by_votes_and_of_one_site_only(staff_client: Client) -> None:
    vote("/a/", "v1", True), vote("/a/", "v2", True), vote("/b/", "v1", False), vote("/a/", "v1", True, "site-2")
    assert [row[1:4] for row in shown(staff_client)] == [["/a/", "1", "0"], ["/b/", "0", "1"], ["/a/", "2", "0"]]
    assert [row[1] for row in shown(staff_client, "?order=votes&source=site-1")] == ["/a/", "/b/"]
    assert [row[0] for row in shown(staff_client, "?source=site-2")] == ["site-2"]
    assert len(shown(staff_client, "?source=nonsense&order=nonsense")) == 3
    page = staff_client.get("/inbox/ratings/?source=site-2&page=99").content.decode()
    assert "/a/" in page and "/b/" not in page


def test_a_vote_that_changes_is_counted_once(staff_client: Client) -> None:
    vote("/a/", "v1", True), vote("/a/", "v1", False)
    assert shown(staff_client)[0][2:5] == ["0", "1", "0"]


def test_a_spreadsheet_runs_no_cell_of_the_ratings(staff_client: Client) -> None:
    vote('=HYPERLINK("x")', "v1", True)
    assert shown(staff_client)[0][1] == '\'=HYPERLINK("x")'


def test_a_rating_outlives_its_message(staff_client: Client) -> None:
    vote("/a/", "v1", True, text="Good")
    Message.objects.all().delete()
    assert shown(staff_client)[0][2] == "1"


def test_the_inbox_finds_the_texts_of_a_page(staff_client: Client) -> None:
    vote("/guide/", "v1", False, text="Too short")
    assert "Too short" in staff_client.get("/inbox/?q=/guide/").content.decode()
    assert "Too short" not in staff_client.get("/inbox/?q=/other/").content.decode()
    message = Message.objects.get()
    assert "Page helpful: No" in staff_client.get(f"/inbox/{message.pk}/").content.decode()


def test_a_message_without_an_address_cannot_be_replied_to_and_says_so(
    staff_client: Client, write: Write, mina: User
) -> None:
    anonymous, known = write(email="", text="Hello"), write()
    path = f"/inbox/{anonymous.pk}/"
    page = staff_client.get(path).content.decode()
    assert "left no address" in page and 'id="reply"' not in page and "Block sender" not in page
    assert staff_client.post(f"{path}reply/", {"text": "Thank you"}).status_code == 404
    assert list(Mail.objects.values_list("message", flat=True)) == [known.pk]
    page = staff_client.get(f"/inbox/{known.pk}/").content.decode()
    assert "left no address" not in page and 'id="reply"' in page and "Block sender" in page


def test_the_receipt_of_a_message_without_an_address_promises_no_reply(client: Client, write: Write) -> None:
    page = client.get(write(email="").get_absolute_url()).content.decode()
    assert "no email and no reply" in page and "Replied" not in page and "From " not in page
    page = client.get(write().get_absolute_url()).content.decode()
    assert "no email and no reply" not in page and "Replied" in page


def test_blocking_an_anonymous_sender_does_nothing_to_the_others(staff_client: Client, write: Write) -> None:
    one, other = write(email="", text="1"), write(email="", text="2")
    staff_client.post(f"/inbox/{one.pk}/block/")
    other.refresh_from_db()
    assert not other.spam and not Block.objects.exists() and not write(email="", text="3").spam


def test_a_message_without_an_address_is_exported_with_its_site(write: Write) -> None:
    write(email="", source="site-3", identity="=u-7")
    services.submit_message(email="a@example.com", text="Two")
    exports.write(str(uuid4()), "csv", "all", lambda done, total: None)
    content = bytes(ExportChunk.objects.get().content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content)))
    assert [(row["email"], row["source"], row["identity"]) for row in rows] == [
        ("", "site-3", "'=u-7"),
        ("a@example.com", "", ""),
    ]
