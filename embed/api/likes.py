"""Endpoints about likes: counts of pages, the like of one user, and the most liked pages."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.utils import timezone
from ninja import Query, Router, Status

from embed import pages, selectors, sites, tokens
from embed.api.auth import ApiRequest, needs
from embed.api.schemas import Counts, CountsQuery, LikeBody, Liked, Pages, PagesQuery
from likes import services, tasks
from likes.http import stored_version
from likes.services import Click

router = Router(tags=["Likes"])


@router.get("counts", response=Counts, **needs("likes:read"))
def counts(request: ApiRequest, query: Query[CountsQuery]) -> dict[str, Any]:
    """The number of likes of up to 100 pages."""
    keys = [pages.key_of(text) for text in query.page]
    states = selectors.states(request.auth.site_id, keys, None)
    found = zip(query.page, states, strict=True)
    return {"counts": [{"page": page, "count": state["count"]} for page, state in found]}


@router.put("likes", response={HTTPStatus.ACCEPTED: Liked}, **needs("likes:write"))
def set_like(request: ApiRequest, body: LikeBody) -> Status[dict[str, Any]]:
    """Sets whether a user of your site likes a page. It is stored when the response arrives, and counted a moment
    later. Sending it again changes nothing."""
    site, key = sites.embedded(request.auth.site), pages.key_of(body.page)
    post_id = pages.find_or_create(site, key) if body.liked else pages.find(site.pk, key)
    if post_id:
        click = Click(post_id, tokens.of_account(site.pk, body.visitor), body.liked, timezone.now())
        stored_version(click, services.set_likes(clicks=[click]))
        tasks.enqueue_settling()
    return Status(HTTPStatus.ACCEPTED, {"page": key, "liked": body.liked})


@router.get("pages", response=Pages, **needs("likes:read"))
def most_liked(request: ApiRequest, query: Query[PagesQuery]) -> dict[str, Any]:
    """The pages of the site, the most liked first. A page whose count changes meanwhile may come twice or not at
    all."""
    likes, _, pk = query.cursor.partition("-")
    after = (int(likes), int(pk)) if query.cursor else None
    found = selectors.most_liked(request.auth.site_id, after=after, limit=query.limit + 1)
    shown = found[: query.limit]
    more = len(found) > query.limit
    return {
        "items": [{"page": page.key, "url": page.post.page_url, "count": page.post.count} for page in shown],
        "next": f"{shown[-1].post.count}-{shown[-1].pk}" if more else None,
    }
