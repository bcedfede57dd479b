"""The like endpoint for pages of other sites, ``POST /embed/like/``: a small ASGI handler, as that of our own posts.

The body is a urlencoded form, which browsers send to another origin without a preflight: ``page`` (key or URL),
``liked=1|0``, ``url`` (where the tag is) and ``token``. It responds once the row of the click is committed, by the same
group commit.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from django.db import DatabaseError
from django.utils import timezone
from django.utils.translation import gettext_lazy

from core import correlation, visitors
from core.rate_limits import network_hash
from core.same_origin import Headers, decode_headers
from embed import http, keys, pages, rate_limits, services, sites, tokens
from embed.pages import key_of
from embed.sites import EmbeddedSite
from likes import rate_limits as like_limits
from likes.asgi import LikeEndpoint, read_form, send_reply
from likes.http import Refusal, Reply, limit_new_visitors, refuse_if, unavailable
from likes.services import Click
from live.database import read

PATH = "/embed/like/"
MAX_KNOWN = 10_000  # pages
MAX_BODY = 8192  # bytes; two URLs, in which a Korean syllable takes 15 each
Form = dict[str, str]


class EmbedEndpoint:
    def __init__(self, likes: LikeEndpoint) -> None:
        self.likes = likes
        self.post_ids: dict[str, int] = {}  # by the digest of the page

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["path"] != PATH or scope["method"] != "POST":
            return await self.likes(scope, receive, send)
        client = scope.get("client")
        await send_reply(
            send, await self._reply(decode_headers(scope["headers"]), client[0] if client else "", receive)
        )

    async def _reply(self, headers: Headers, address: str, receive: Any) -> Reply:
        site = None
        try:
            form = await read_form(receive, MAX_BODY)
            site = await find_site(headers, form)
            return await self._like(site, headers, form, address)
        except Refusal as refusal:
            return http.refuse(headers, refusal, listed=site is not None)
        except DatabaseError:
            return http.refuse(headers, unavailable(), listed=site is not None)

    async def _like(self, site: EmbeddedSite, headers: Headers, form: Form, address: str) -> Reply:
        visitor, key = tokens.read(site.pk, form.get("token", "")), key_of(form.get("page", ""))
        if form.get("liked") not in ("0", "1"):
            raise Refusal(HTTPStatus.BAD_REQUEST, gettext_lazy("Send liked=1 or liked=0."))
        refuse_if(rate_limits.clicks.take(str(site.pk)) or (like_limits.clicks.take(visitor) if visitor else 0))
        digest = keys.digest(site.pk, key)
        if not visitor:
            await asyncio.to_thread(limit_new_visitors, address, digest)
        post_id = self.post_ids.get(digest) or await self._post_id(site, key, digest, form.get("url", ""))
        liked, key_of_visitor = form["liked"] == "1", visitor or new_key(site, headers, address)
        network, request_id = network_hash(address), correlation.valid(headers.get("x-request-id", ""))
        click = Click(post_id, key_of_visitor, liked, timezone.now(), not visitor, network, request_id)
        try:
            version = await self.likes.group_commit.store(click)
        except Refusal:
            self.post_ids.pop(digest, None)  # it may have been deleted: the next like creates it again
            raise
        if http.is_form(headers):
            return http.with_id(http.back(headers, site, form.get("url", "")), click)
        token = {} if visitor else {"token": tokens.issue(site.pk, click.visitor)}
        body = {"topic": f"post.{post_id}", "post": post_id, "liked": liked, "accepted": version, **token}
        return http.with_id(http.json_reply(headers, 202, body), click)

    async def _post_id(self, site: EmbeddedSite, key: str, digest: str, url: str) -> int:
        if len(self.post_ids) >= MAX_KNOWN:
            self.post_ids.clear()
        found: int | None = await read(pages.find, site.pk, key)
        post_id = self.post_ids[digest] = found or await self._create(site, key, url)
        return post_id

    async def _create(self, site: EmbeddedSite, key: str, url: str) -> int:
        """Nothing here that waits for Redis holds up the thread that stores clicks."""
        await asyncio.to_thread(pages.allow_new, site, key)
        post_id = await self.likes.group_commit.run(pages.create, site, key, url)
        asyncio.get_running_loop().run_in_executor(None, services.broadcast_page, keys.digest(site.pk, key), post_id)
        return post_id


async def find_site(headers: Headers, form: Form) -> EmbeddedSite:
    return sites.find(headers, form) if sites.is_cached(headers) else await read(sites.find, headers, form)


def new_key(site: EmbeddedSite, headers: Headers, address: str) -> str:
    """Of a visitor without a token. A plain form cannot keep one: the same browser is the same visitor."""
    if http.is_form(headers):
        return tokens.without_script(site.pk, address, headers.get("user-agent", ""))
    return visitors.new_key()
