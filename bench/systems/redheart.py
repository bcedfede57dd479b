"""Redheart itself, as the Procfile starts it: ``redheart:daphne-sqlite``, ``redheart:uvicorn-postgres`` and so on.

``redheart:daphne-sqlite-production`` runs with DEBUG=0, as behind a proxy with TLS.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import sys
import urllib.request
from urllib.parse import urlencode

from bench.http import Connection, request
from bench.postgres import start_postgres
from bench.servers import ROOT, Servers, free_port, until
from bench.system import POSTS, VISITORS, Frame, System, Visitor
from project import launch

UVICORN = (
    "python -m uvicorn --no-proxy-headers --log-level warning --no-access-log --ws live.servers.uvicorn:LeanWebSocket "
    "project.asgi:application"
)
PROXIED = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}  # for a production site


class Redheart(System):
    killable: tuple[str, ...] = ("worker-likes", "redis")
    feed = "/"

    def __init__(self, variant: str) -> None:
        given = variant.split("-") if variant else []
        self.server, self.database = [*given, *("daphne", "sqlite")[len(given) :]][:2]
        self.production = "production" in given[2:]
        self.seeding = [POSTS, VISITORS]  # and posts with likes, see bench/seed.py
        self.port = free_port()

    def start(self, servers: Servers) -> None:
        env = self.env = self._environment(servers)
        procfile = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
        if self.server == "uvicorn":
            procfile["web"] = UVICORN
        for role, line in procfile.items():
            if role == "web":  # redis runs; the other roles need the rows
                servers.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=env)
                servers.run([sys.executable, "-m", "bench.seed", *map(str, self.seeding)], cwd=ROOT, env=env)
                self._start_fork_server(servers, procfile)
            if role == "redis":
                servers.start(role, shlex.split(line), cwd=ROOT, env=env)
            else:
                servers.fork(role, shlex.split(line), address=servers.folder / "forks", env=env)
        until(self._is_healthy, "Redheart does not become healthy")
        self.seed = json.loads((servers.folder / "seed.json").read_text())

    def _start_fork_server(self, servers: Servers, procfile: dict[str, str]) -> None:
        """As `project.run` does, so that the processes share memory."""
        if not launch.adopt_orphans():
            raise SystemExit("The bench needs Linux 5.3 or newer.")
        self.listening = launch.listen(servers.folder / "forks")
        command = shlex.split(launch.fork_server(self.listening, procfile.values()))
        servers.start("fork-server", command, cwd=ROOT, env=self.env, files=[self.listening.fileno()])

    def _environment(self, servers: Servers) -> dict[str, str]:
        env = {
            "ENV_FILE": os.devnull,
            "DATA_DIR": str(servers.folder),
            "SECRET_KEY": secrets.token_urlsafe(50),
            "DEBUG": "1",
            "PORT": str(self.port),
            "UVICORN_PORT": str(self.port),
            "SOCKETS_PER_NETWORK": "1000000",  # all sockets of the bench come from one address
        }
        if self.production:
            env |= {"DEBUG": "0", "ALLOWED_HOSTS": "127.0.0.1", "EMAIL_URL": "smtp://127.0.0.1:9"}
        if self.database == "postgres":
            env["DATABASE_URL"] = start_postgres(servers)
        return env

    def _is_healthy(self) -> bool:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz/", timeout=5).status == 200
        except OSError:
            return False

    def visitors(self) -> list[Visitor]:
        return [Visitor(key, {"Cookie": f"visitor={signed}"}) for key, signed in self.seed["visitors"].items()]

    def posts(self) -> list[int]:
        return list(self.seed["posts"])

    def socket_url(self, posts: list[int]) -> str:
        return f"ws://127.0.0.1:{self.port}{live(posts)}"

    def state_request(self, visitor: Visitor, posts: list[int]) -> bytes:
        return request("GET", live(posts), self.port, visitor.headers | PROXIED)

    def click(self, visitor: Visitor, post: int, *, liked: bool) -> bytes:
        headers = {
            **visitor.headers,
            "Content-Type": "application/x-www-form-urlencoded",
            "HX-Request": "true",
            "Sec-Fetch-Site": "same-origin",
        }
        return request("POST", f"/posts/{post}/like/", self.port, headers, b"liked=%d" % liked)

    def parse(self, payload: bytes) -> Frame:
        states = json.loads(payload)
        posts = [(int(name[5:]), state) for name, state in states.items() if name.startswith("post.")]
        counts = [(post, state["count"], state["v"]) for post, state in posts]
        done: list[tuple[str | None, int]] = [(None, int(name[5:])) for name in states if name.startswith("like.")]
        return Frame(counts, done, ready=True)

    async def count(self, connection: Connection, post: int) -> int:
        raw = request("GET", f"/posts/{post}/", self.port, PROXIED | {"Accept": "application/json"})
        return int(json.loads((await connection.send(raw)).body)["count"])


def live(posts: list[int]) -> str:
    return f"/live/?{urlencode([('topic', f'post.{post}') for post in posts])}"
