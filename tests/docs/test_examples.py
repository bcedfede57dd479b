"""What the documents of the examples say, and the server behind `make examples`. tests/e2e/embed/test_examples.py looks
at the pages in a browser."""

from __future__ import annotations

import os
import re
import runpy
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from pytest_django import Settings

from embed import sites
from embed.demo import ORIGINS, PAGES
from embed.models import Page, Site
from embed.views.manage import TAG
from likes.recount import recount
from tests.live import ROOT, free_port, until

REDHEART = "https://hearts.example"
PORT = runpy.run_path(str(ROOT / "examples/serve.py"))["PORT"]
DOCUMENTS = ("README.md", "docs/embed.md", "examples/html/README.md", "examples/eleventy/README.md")


@pytest.fixture
def url() -> Iterator[str]:
    port = free_port()
    server = run(PORT=str(port), REDHEART_URL=REDHEART)
    try:
        until(lambda: accepts(port), "not served")
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.communicate(timeout=60)


def run(**env: str) -> subprocess.Popen[str]:
    command = [sys.executable, "examples/serve.py"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, stdout=pipe, stderr=pipe, text=True)


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.django_db(transaction=True)
def test_the_demo_site_allows_the_pages_that_make_examples_serves(settings: Settings) -> None:
    settings.DEBUG = True
    call_command("prepare", verbosity=0)
    sites.forget()
    for origin in (f"http://localhost:{PORT}", f"http://127.0.0.1:{PORT}"):
        found = sites.by_origin(origin)
        assert found and found.owner_id == User.objects.get(username="mina").pk
    assert sites.by_origin("http://localhost:8002") is None
    assert {page.key: page.post.count for page in Page.objects.select_related("post")} == {
        f"{ORIGINS[0]}/{name}": likes for name, likes in PAGES.items()
    }
    assert all((ROOT / "examples/html" / name).exists() for name in PAGES) and sum(recount()) == 0
    call_command("prepare", verbosity=0)
    assert Site.objects.count() == 1
    sites.forget()


def test_pages_have_the_addresses_of_redheart_and_of_their_server(url: str) -> None:
    for path in ("/", "/index.html", "/walk.html", "/notebook.html?utm_source=x"):
        text = httpx.get(url + path).text
        assert f'src="{REDHEART}/embed/v1.js"' in text and "{{" not in text
    assert f'name="page" value="{url}/notebook.html"' in text
    assert httpx.get(f"{url}/style.css").headers["content-type"] == "text/css"


@pytest.mark.parametrize(
    "path", ["/gone.html", "/gone/", "/../serve.py", "/%2e%2e/serve.py", "/mkdocs/%2e%2e/mkdocs.yml"]
)
def test_nothing_but_the_examples_is_served(url: str, path: str) -> None:
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        assert b" 404 " in connection.recv(100)


@pytest.mark.parametrize("port", ["in use", "x", "99999"])
def test_a_port_that_cannot_be_used_gets_one_sentence(port: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = run(PORT=str(listening.getsockname()[1]) if port == "in use" else port)
        _, errors = server.communicate(timeout=60)
    assert server.returncode == 1 and re.fullmatch(r"(Port \d+ cannot be used|PORT must be a number).*\n", errors), (
        errors
    )


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_tag_in_a_document_is_the_one_that_the_page_of_a_site_shows(name: str) -> None:
    lines = re.findall(r"^ {4}(.+)$", (ROOT / name).read_text(), re.M)
    assert TAG.format(url=f"{REDHEART}/embed/v1.js") in "\n".join(lines)


def test_the_document_names_the_variables_parts_and_events_of_the_tag() -> None:
    script, document = (ROOT / "static/embed/v1.js").read_text(), (ROOT / "docs/embed.md").read_text()
    assert set(re.findall(r"--red-heart-\w+", script)) == set(re.findall(r"`(--red-heart-\w+)`", document))
    assert set(re.findall(r'say\(page, "(\w+)"', script)) == set(re.findall(r"`red-heart:(\w+)`", document))
    for part in ("button", "icon", "count"):
        assert f'"{part}"' in script and f"`{part}`" in document
    assert set(re.findall(r'getAttribute\("(\w+)"\)', script)) - {"site"} == set(
        re.findall(r"^\| `(\w+)` \| (?:both|`<red-heart>`) \|", document, re.M)
    )


def test_the_policy_in_the_document_is_the_one_under_which_the_example_works(url: str) -> None:
    [policy] = re.findall(r"^ {4}(script-src .*?)\n\n", (ROOT / "docs/embed.md").read_text(), re.M | re.S)
    assert httpx.get(f"{url}/walk.html").headers["content-security-policy"].startswith(" ".join(policy.split()) + ";")
    assert "unsafe" not in policy
