"""The websocket of tags on pages of other sites: ``/embed/live/?topic=post.1&topic=page.…&token=…``."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db import DatabaseError

from core.same_origin import decode_headers
from embed import tokens
from embed.asgi import find_site
from likes.http import Refusal
from live.consumer import Client

PATH = "/embed/live/"
TOPICS = ("post.", "page.")  # what is public; nothing else can be watched from another site


async def identify(scope: dict[str, Any]) -> Client | None:
    """Who connects from a page of another site: None if that is not on the list."""
    query = parse_qsl(scope["query_string"].decode("latin-1"))
    try:
        site = await find_site(decode_headers(scope["headers"]), dict(query))
    except (Refusal, DatabaseError):
        return None
    watched = [("topic", value) for name, value in query if name == "topic" and value.startswith(TOPICS)]
    return Client(urlencode(watched), tokens.read(site.pk, dict(query).get("token", "")))
