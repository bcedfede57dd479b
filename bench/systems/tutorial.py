"""Peer A, as tutorials write it: Django, daphne, the core channel layer, Celery's prefork pool. sqlite or postgres."""

from __future__ import annotations

import json
import sys

from bench.http import Connection, request
from bench.postgres import start_postgres
from bench.servers import ROOT, Servers, accepts, free_port, until
from bench.system import POSTS, VISITORS, Frame, System, Visitor

FOLDER = ROOT / "bench" / "peers" / "tutorial"
CSRF = "a" * 32


class Tutorial(System):
    share = 0.2
    ready_at_once = True  # it subscribes before it accepts the socket

    def __init__(self, variant: str) -> None:
        self.database = variant or "sqlite"
        self.port = free_port()

    def start(self, servers: Servers) -> None:
        env = {"REDIS_URL": f"redis://127.0.0.1:{servers.redis()}", "SQLITE": str(servers.folder / "db.sqlite3")}
        if self.database == "postgres":
            env["DATABASE_URL"] = start_postgres(servers)
        seeded = servers.folder / "sessions.json"
        servers.run([sys.executable, "seed.py", str(seeded), str(POSTS), str(VISITORS)], cwd=FOLDER, env=env)
        self.sessions: list[str] = json.loads(seeded.read_text())
        worker = ["celery", "-A", "tutorial", "worker", "-c", "2", "-l", "INFO"]
        servers.start("worker", worker, cwd=FOLDER, env=env)
        web = ["daphne", "-b", "127.0.0.1", "-p", str(self.port), "tutorial.asgi:application"]
        servers.start("web", web, cwd=FOLDER, env=env)
        until(lambda: accepts(self.port), "the web process does not respond")
        until(lambda: b" ready." in servers.log("worker").read_bytes(), "the worker does not get ready")

    def visitors(self) -> list[Visitor]:
        return [
            Visitor(f"v{number}", {"Cookie": f"sessionid={session}; csrftoken={CSRF}"})
            for number, session in enumerate(self.sessions)
        ]

    def posts(self) -> list[int]:
        return list(range(1, POSTS + 1))

    def socket_url(self, posts: list[int]) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/likes/"

    def click(self, visitor: Visitor, post: int, *, liked: bool) -> bytes:
        headers = {
            **visitor.headers,
            "Content-Type": "application/x-www-form-urlencoded",
            "HX-Request": "true",
            "X-CSRFToken": CSRF,
        }
        return request("POST", f"/like/{post}/", self.port, headers, b"liked=%d" % liked)

    def parse(self, payload: bytes) -> Frame:
        event = json.loads(payload)
        return Frame([(event["post"], event["count"], 0)], [(event["by"], event["post"])])

    async def count(self, connection: Connection, post: int) -> int:
        return int((await connection.send(request("GET", f"/count/{post}/", self.port, {}))).body)
