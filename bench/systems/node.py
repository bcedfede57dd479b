"""Peer B: Express, BullMQ, Socket.IO with its Redis adapter; web and worker apart. postgres or sqlite."""

from __future__ import annotations

import json

from bench.http import Connection, request
from bench.postgres import have_postgres, start_postgres
from bench.servers import ROOT, Servers, accepts, free_port, until
from bench.system import POSTS, VISITORS, Frame, System, Visitor

FOLDER = ROOT / "bench" / "peers" / "node"


class Node(System):
    hello = b"40"  # Engine.IO 4: connect to the default namespace

    def __init__(self, variant: str) -> None:
        self.database = variant or ("postgres" if have_postgres() else "sqlite")
        self.port = free_port()

    def start(self, servers: Servers) -> None:
        env = {
            "REDIS_PORT": str(servers.redis()),
            "PORT": str(self.port),
            "NODE_ENV": "production",
            "POSTS": str(POSTS),
        }
        if self.database == "postgres":
            env["DATABASE_URL"] = start_postgres(servers)
        else:
            env["SQLITE"] = str(servers.folder / "node.sqlite3")
        servers.run(["node", "schema.js"], cwd=FOLDER, env=env)
        servers.start("worker", ["node", "worker.js"], cwd=FOLDER, env=env)
        servers.start("web", ["node", "web.js"], cwd=FOLDER, env=env)
        until(lambda: accepts(self.port), "the web process does not respond")
        until(lambda: b"ready" in servers.log("worker").read_bytes(), "the worker does not get ready")

    def visitors(self) -> list[Visitor]:
        return [Visitor(f"v{number}", {"Cookie": f"vid=v{number}"}) for number in range(VISITORS)]

    def posts(self) -> list[int]:
        return list(range(1, POSTS + 1))

    def socket_url(self, posts: list[int]) -> str:
        return f"ws://127.0.0.1:{self.port}/socket.io/?EIO=4&transport=websocket"

    def click(self, visitor: Visitor, post: int, *, liked: bool) -> bytes:
        headers = {**visitor.headers, "Content-Type": "application/x-www-form-urlencoded"}
        return request("POST", f"/like/{post}", self.port, headers, b"liked=%d" % liked)

    def parse(self, payload: bytes) -> Frame:
        if payload == b"2":  # ping, pong
            return Frame(reply=b"3")
        if payload.startswith(b"40"):
            return Frame(ready=True)
        if not payload.startswith(b"42"):
            return Frame()
        event = json.loads(payload[2:])[1]
        return Frame([(event["post"], event["count"], 0)], [(event["by"], event["post"])])

    async def count(self, connection: Connection, post: int) -> int:
        return int((await connection.send(request("GET", f"/count/{post}", self.port, {}))).body)
