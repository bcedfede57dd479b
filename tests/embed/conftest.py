from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from embed import services, sites
from embed.models import Site
from tests.embed.requests import ORIGIN


@pytest.fixture(autouse=True)
def nothing_cached() -> Iterator[None]:
    """Each test has a database of its own, and so its own sites and pages."""
    sites.forget()
    yield
    sites.forget()


@pytest.fixture
def site(mina: User) -> Site:
    return new_site(mina, "Blog", ORIGIN)


@pytest.fixture
def other_site(jun: User) -> Site:
    return new_site(jun, "Shop", "https://shop.example")


def new_site(owner: User, name: str, *origins: str) -> Site:
    site = Site(name=name, owner=owner)
    services.save_site(site=site, origins=origins)
    return site
