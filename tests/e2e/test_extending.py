"""The page of the app in docs/extending.md, in a browser."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
from playwright.sync_api import expect

from tests.docs.site import APP, FILES, Site
from tests.e2e.conftest import Visitor


def test_an_open_page_shows_new_votes_without_a_script(tmp_path: Path, visitor: Visitor) -> None:
    site = Site(tmp_path)
    site.write(FILES)
    site.write(APP)
    site.run("manage.py", "makemigrations", "polls")
    site.run("manage.py", "migrate", "--verbosity", "0")
    site.run("manage.py", "shell", "-c", "from polls.models import Poll; Poll.objects.create(question='Tea?')")
    with site.running() as url:
        page = visitor()
        page.goto(f"{url}/polls/1/")
        votes = page.locator("[data-field=votes]")
        expect(page.locator("html[data-live=on]")).to_be_attached()
        expect(votes).to_have_text("0")
        vote(f"{url}/polls/1/")
        site.run("manage.py", "shell", "-c", "from polls.tasks import count_votes; count_votes()")
        expect(votes).to_have_text("1")


def vote(url: str) -> None:
    with httpx.Client(timeout=30) as client:
        [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(url).text)[:1]
        assert client.post(url, data={"csrfmiddlewaretoken": token}).status_code == 303
