"""A blog on another site than ours, whose pages have the tag, under a strict Content-Security-Policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from threading import Thread

from playwright.sync_api import Locator, Page, expect

from tests.e2e.people import Author
from tests.live import Live

PAGE = """<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>Blog</title>
<link rel="icon" href="data:,">{script}
<body><main><h1>Hello</h1>{body}</main></body></html>"""


class Blog:
    """Serves its ``files``, and at every other path the same page with the given script and tags. ``localhost`` is
    another site than ``127.0.0.1``."""

    def __init__(self, live: Live, host: str = "localhost") -> None:
        self.body, self.lang = "<red-heart></red-heart>", "en"
        self.script = f'<script type="module" src="{live.url}/embed/v1.js"></script>'
        self.policy = (
            f"default-src 'none'; img-src data:; script-src {live.url}; form-action {live.url} 'self'; "
            f"connect-src {live.url} {live.url.replace('http', 'ws')}"
        )
        self.files: dict[str, bytes] = {}
        blog = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = PAGE.format(lang=blog.lang, script=blog.script, body=blog.body).encode()
                self.send_response(200)
                self.send_header("Content-Type", guess_type(self.path)[0] or "text/html; charset=utf-8")
                self.send_header("Content-Security-Policy", blog.policy)
                self.end_headers()
                self.wfile.write(blog.files.get(self.path, page))

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://{host}:{self.server.server_port}"


@contextmanager
def blog(live: Live, *, host: str = "localhost") -> Iterator[Blog]:
    served = Blog(live, host)
    Thread(target=served.server.serve_forever, daemon=True).start()
    yield served
    served.server.shutdown()
    served.server.server_close()


def add_site(staff: Author, name: str, *origins: str) -> str:
    """Returns the path of its page."""
    form = staff.client.get("/sites/new/").text
    owner = re.search(r'<option value="(\d+)" selected', form)
    assert owner
    response = staff.submit("/sites/new/", name=name, owner=owner[1], origins="\n".join(origins))
    assert response.status_code == 302, response.text
    return response.headers["location"]


def heart(page: Page, number: int = 0) -> Locator:
    return page.locator("red-heart").nth(number).get_by_role("button")


def expect_heart(page: Page, *, pressed: bool, count: str, state: str = "saved", number: int = 0) -> None:
    button = heart(page, number)
    expect(button).to_have_attribute("data-state", state)
    expect(button).to_have_attribute("aria-pressed", str(pressed).lower())
    expect(button.locator("[part=count]")).to_have_text(count)
