"""A demo site, for a new development site: the blog that `make examples` serves."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.utils import timezone

from core.visitors import new_key
from embed import services
from embed.models import Site
from likes.services import Click, set_likes
from likes.settling import settle

ORIGINS = ("http://localhost:8001", "http://127.0.0.1:8001")  # of examples/serve.py
PAGES = {"walk.html": 48, "notebook.html": 19}  # likes


def load() -> None:
    """Called by the command ``prepare``."""
    site = Site(name="Example blog", owner=User.objects.get(username="mina"))
    services.save_site(site=site, origins=ORIGINS)
    for name, likes in PAGES.items():
        key = f"{ORIGINS[0]}/{name}"
        post = services.create_page(site_id=site.pk, owner_id=site.owner_id, key=key).post
        set_likes(clicks=[Click(post.pk, new_key(), True, timezone.now()) for _ in range(likes)])
    while settle().likes:
        pass
