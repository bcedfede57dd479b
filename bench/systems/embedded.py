"""Redheart as pages of another site use it, through the tag: ``embedded:daphne-sqlite`` and so on."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from bench.http import request
from bench.seed import ORIGIN
from bench.system import Visitor
from bench.systems.redheart import Redheart

HEADERS = {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site", "Accept": "application/json"}


class Embedded(Redheart):
    feed = ""
    killable = ()

    def visitors(self) -> list[Visitor]:
        tokens = self.seed["tokens"].items()
        return [Visitor(key, HEADERS, f"&token={quote(token)}", token) for key, token in tokens]

    def socket_url(self, posts: list[int]) -> str:
        return super().socket_url(posts).replace("/live/", "/embed/live/")

    def click(self, visitor: Visitor, post: int, *, liked: bool) -> bytes:
        fields = {"page": f"page-{post}", "liked": int(liked), "url": f"{ORIGIN}/", "token": visitor.token}
        headers = HEADERS | {"Content-Type": "application/x-www-form-urlencoded"}
        return request("POST", "/embed/like/", self.port, headers, urlencode(fields).encode())
