"""A production site with two web processes, daphne and uvicorn, as behind a proxy that ends TLS."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from project.redis_server import binary
from tests.journeys.test_by_hand import CELERY, Parts
from tests.live import ROOT, free_port, until

HOST = "redheart.example"
JSON = {"accept": "application/json"}
NEW_FILE = "css/of-the-next-release.0123456789ab.css"
UVICORN = "--no-proxy-headers --no-access-log --ws live.servers.uvicorn:LeanWebSocket --port"
ROWS = """
from likes.models import Post
from django.contrib.auth.models import User
author = User.objects.create_user("author", password="a password that is long")
Post.objects.bulk_create(Post(pk=pk, author=author, text="A post") for pk in range(1, 10))
"""


class Site(Parts):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.daphne, self.uvicorn, self.static = self.web_port, free_port(), folder / "static"
        self.env |= {
            "DATA_DIR": str(folder / "data"),
            "STATIC_ROOT": str(self.static),
            "DEBUG": "0",
            "SECRET_KEY": "a site behind a proxy, " * 3,
            "ALLOWED_HOSTS": f"{HOST},localhost",
            "EMAIL_URL": "smtp://127.0.0.1:9",
            "TRUSTED_PROXIES": "127.0.0.1",
            "SOCKETS_PER_NETWORK": "3",
        }

    @property
    def webs(self) -> dict[str, int]:
        return {"daphne": self.daphne, "uvicorn": self.uvicorn}

    @contextmanager
    def all_running(self) -> Iterator[None]:
        with ExitStack() as stack:
            start = lambda name, *command: stack.enter_context(self.running(name, *command))  # noqa: E731
            start("redis", binary(), "--port", str(self.redis_port), "--save", "")
            self.manage("prepare")
            self.manage("shell", "-v", "0", "-c", ROWS)
            self.env["PORT"] = str(self.daphne)
            [line] = re.findall("^web: python (.*)", (ROOT / "Procfile").read_text(), re.M)
            start("daphne", sys.executable, *line.split())
            self.until_ready(self.daphne, "daphne")
            (self.static / NEW_FILE).write_text("p { color: red }")  # which daphne does not know: it has started before
            start(
                "uvicorn",
                sys.executable,
                "-m",
                "uvicorn",
                *UVICORN.split(),
                str(self.uvicorn),
                "project.asgi:application",
            )
            start("worker", CELERY, "-A", "project", "worker", "-Q", "likes", "-P", "solo", "-l", "info")
            self.until_ready(self.uvicorn, "uvicorn")
            until(lambda: " ready." in self.output("worker"), lambda: self.output("worker"))
            yield

    def manage(self, *arguments: str) -> None:
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.env, check=True)

    def until_ready(self, port: int, name: str) -> None:
        until(lambda: succeeds(f"http://127.0.0.1:{port}/readyz/"), lambda: self.output(name))


def succeeds(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30).status_code == 200
    except httpx.HTTPError:
        return False


def client(
    url: str, *, source: str = "127.0.0.1", host: str = HOST, headers: dict[str, str] | None = None
) -> httpx.Client:
    """A client at this address of this machine, without a check of the certificate."""
    transport = httpx.HTTPTransport(local_address=source, verify=False)
    return httpx.Client(base_url=url, transport=transport, headers={"host": host, **(headers or {})}, timeout=60)


def open_socket(
    port: int, *, tls: bool, source: str = "127.0.0.1", host: str = HOST, headers: dict[str, str] | None = None
) -> ClientConnection:
    """The websocket of a page that shows post 1."""
    insecure = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    insecure.check_hostname, insecure.verify_mode = False, ssl.CERT_NONE
    # With TLS 1.3 the request is lost now and then: one thread of this client writes it while another one reads the
    # session tickets, and OpenSSL's objects are not thread-safe (https://github.com/python/cpython/issues/143756).
    insecure.maximum_version = ssl.TLSVersion.TLSv1_2
    sock = socket.create_connection(("127.0.0.1", port), source_address=(source, 0))
    url = f"{'wss' if tls else 'ws'}://{host}:{port}/live/?topic=post.1"
    return connect(url, sock=sock, ssl=insecure if tls else None, additional_headers=headers, open_timeout=60)


def count(page: ClientConnection, reached: Callable[[int], bool]) -> int:
    """Reads frames until the count of post 1 is as wanted."""
    import json

    while True:
        states: dict[str, Any] = json.loads(page.recv(timeout=60))
        if "post.1" in states and reached(found := states["post.1"]["count"]):
            return int(found)


def failed_sign_in(visitor: httpx.Client, account: str) -> None:
    """Leaves a line with account and address in the log of the web process."""
    form = visitor.get("/accounts/login/")
    assert form.status_code == 200, form.text
    [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)[:1]
    fields = {"csrfmiddlewaretoken": token, "username": account, "password": "wrong"}
    referer = {"referer": f"https://{visitor.headers['host']}/accounts/login/"}
    cookie = {"cookie": f"csrftoken={form.cookies['csrftoken']}"}  # marked secure, and this may be plain HTTP
    assert visitor.post("/accounts/login/", data=fields, headers={**referer, **cookie}).status_code == 200
