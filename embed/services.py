from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable

from django.db import IntegrityError, transaction

from embed import keys, sites
from embed.models import ApiKey, Origin, Page, Site, new_secret
from embed.sources import source_of
from embed.topics import page_event
from feedback import services as feedback
from likes import services as likes
from likes.models import Post
from live.broadcast import broadcast


@transaction.atomic
def save_site(*, site: Site, origins: Iterable[str]) -> None:
    """Saves a new site or a changed one. Raises `IntegrityError` if an origin belongs to another site."""
    site.save()
    site.origins.exclude(origin__in=[*origins]).delete()
    known = set(site.origins.values_list("origin", flat=True))
    Origin.objects.bulk_create(Origin(site=site, origin=origin) for origin in origins if origin not in known)
    transaction.on_commit(sites.forget)


def replace_secret(*, site: Site) -> None:
    """Signatures that were made with the old secret are worthless from now on."""
    site.secret = new_secret()
    site.save(update_fields=["secret"])


def delete_site(*, site: Site) -> None:
    """Deletes its pages, their likes and their ratings, too. Messages stay in the inbox."""
    with transaction.atomic():
        Post.objects.filter(page__site=site).delete()
        feedback.delete_ratings(source=source_of(site.pk))
        site.delete()
    sites.forget()


def create_page(*, site_id: int, owner_id: int, key: str, url: str = "") -> Page:
    """The page with this key: it comes into being with its first like. ``url`` is where it was liked. The caller
    calls `broadcast_page`, which may wait for Redis."""
    digest = keys.digest(site_id, key)
    if page := Page.objects.filter(digest=digest).first():
        return page
    try:
        with transaction.atomic():
            page_url = key if keys.is_url(key) else url
            post = Post.objects.create(author_id=owner_id, text=key, in_feed=False, page_url=page_url)
            page = Page.objects.create(site_id=site_id, key=key, digest=digest, post=post)
    except IntegrityError:  # somebody else has just liked it
        return Page.objects.get(digest=digest)
    return page


def broadcast_page(digest: str, post_id: int) -> None:
    """For readers of a page that nobody had liked."""
    broadcast([page_event(digest, post_id)])


@transaction.atomic
def remap(*, site: Site, old: str, new: str) -> None:
    """Gives the likes and ratings of a page another key, after its URL has changed. Raises `Page.DoesNotExist` without
    likes of the old one, `IntegrityError` with likes of the new one, and `BadKey`."""
    page = Page.objects.select_related("post").get(digest=keys.digest(site.pk, keys.page_key(old)))
    feedback.move_ratings(source=source_of(site.pk), old=page.key, new=keys.page_key(new))
    page.key = keys.page_key(new)
    page.digest = keys.digest(site.pk, page.key)
    page.save(update_fields=["key", "digest"])
    likes.edit_page(post=page.post, text=page.key, url=page.key if keys.is_url(page.key) else page.post.page_url)


def import_count(*, site: Site, page: str, count: int) -> None:
    """Sets the number of likes that a page had before. Raises `BadKey`."""
    created = create_page(site_id=site.pk, owner_id=site.owner_id, key=keys.page_key(page))
    likes.import_count(post=created.post, count=count)
    broadcast_page(created.digest, created.post_id)


def create_api_key(*, site: Site, name: str, scopes: Iterable[str]) -> str:
    """Returns the key, which cannot be read again."""
    key = f"rh_{secrets.token_urlsafe(32)}"
    ApiKey.objects.create(site=site, name=name, digest=api_key_digest(key), scopes=list(scopes))
    return key


def revoke_api_key(*, key: ApiKey) -> None:
    key.delete()


def api_key_digest(key: str) -> str:
    """Without a salt: the key is random, so that no list of digests helps to find it."""
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()
