"""The page that a request is about."""

from __future__ import annotations

from http import HTTPStatus

from embed import keys, rate_limits, services, sites
from embed.keys import BadKey
from embed.models import MAX_KEY, Page
from embed.sites import EmbeddedSite
from likes.http import Refusal, refuse_if


def key_of(text: str) -> str:
    try:
        return keys.page_key(text)
    except BadKey as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, str(error)) from error


def site_url(site: EmbeddedSite, url: str) -> str:
    """The web address if it is on the site and can be stored, else an empty text."""
    return url if len(url) <= MAX_KEY and url.isprintable() and keys.origin_of(url) in site.origins else ""


def listed_key(site: EmbeddedSite, text: str) -> str:
    """The key of a page. A URL must be on the site. Raises `Refusal`."""
    key = key_of(text)
    refuse_unlisted(site, key)
    return key


def refuse_unlisted(site: EmbeddedSite, key: str) -> None:
    if keys.is_url(key) and not site_url(site, key):
        raise Refusal(HTTPStatus.FORBIDDEN, sites.NOT_LISTED)


def find(site_id: int, key: str) -> int | None:
    """The post id of a page. None if nobody has liked it."""
    return Page.objects.filter(digest=keys.digest(site_id, key)).values_list("post_id", flat=True).first()


def allow_new(site: EmbeddedSite, key: str) -> None:
    """Raises `Refusal` for a URL that is not on the site, and for too many new pages. It may wait for Redis."""
    refuse_unlisted(site, key)
    refuse_if(rate_limits.new_pages.take(str(site.pk)))


def create(site: EmbeddedSite, key: str, url: str) -> int:
    """Returns the post id. ``url`` is where the page was liked."""
    url = site_url(site, url)
    return services.create_page(site_id=site.pk, owner_id=site.owner_id, key=key, url=url).post_id


def find_or_create(site: EmbeddedSite, key: str, url: str = "") -> int:
    """The post id of a page."""
    post_id = find(site.pk, key)
    if post_id is None:
        allow_new(site, key)
        post_id = create(site, key, url)
        services.broadcast_page(keys.digest(site.pk, key), post_id)
    return post_id
