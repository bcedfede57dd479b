"""The pages where staff add sites, and likes that move when a URL changes."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from embed import services
from embed.forms import SiteForm
from embed.models import Origin, Page, Site
from likes.models import Like, Post
from tests.embed.conftest import new_site
from tests.embed.requests import ORIGIN, PAGE

NEW = f"{ORIGIN}/hi/"


def page_of(site: Site, key: str) -> Page:
    return services.create_page(site_id=site.pk, owner_id=site.owner_id, key=key)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/sites/", "/sites/new/", "/sites/1/", "/sites/1/edit/"])
def test_only_staff_sees_the_sites(client: Client, mina: User, path: str) -> None:
    assert client.get(path)["location"].startswith("/accounts/login/")
    client.force_login(mina)
    assert client.get(path).status_code == 403


@pytest.mark.django_db
def test_staff_adds_a_site_and_gets_the_tag_to_copy_and_a_preview(client: Client, staff: User, mina: User) -> None:
    client.force_login(staff)
    assert "No sites yet." in client.get("/sites/").content.decode()
    response = client.post(
        "/sites/new/",
        {"name": "Blog", "owner": mina.pk, "origins": " HTTPS://Blog.Example/about \n\nhttp://localhost:4000"},
    )
    site = Site.objects.get()
    assert response["location"] == f"/sites/{site.pk}/"
    assert {str(origin) for origin in site.origins.all()} == {ORIGIN, "http://localhost:4000"}
    page = client.get(f"/sites/{site.pk}/").content.decode()
    assert "&lt;red-heart&gt;&lt;/red-heart&gt;" in page and f'<red-heart site="{site.pk}"' in page
    assert "/embed/v1.js" in page and "No likes yet." in page
    assert "Blog" in client.get("/sites/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "origins",
    ["", "blog.example", "ftp://blog.example", "https://", "javascript://x", "https://[::1", "https://a:b/", "*",
     "null", "https://" + "a" * 260 + ".example",
     "\n".join(f"https://{n}.example" for n in range(21))],
)  # fmt: skip
def test_an_origin_that_is_none_is_refused_with_a_sentence(client: Client, staff: User, origins: str) -> None:
    client.force_login(staff)
    response = client.post("/sites/new/", {"name": "Blog", "owner": staff.pk, "origins": origins})
    assert response.status_code == 422 and "aria-invalid" in response.content.decode()
    assert not Site.objects.exists()


@pytest.mark.django_db
def test_two_sites_cannot_share_an_origin(client: Client, staff: User, mina: User) -> None:
    site = new_site(mina, "Blog", ORIGIN)
    client.force_login(staff)
    response = client.post("/sites/new/", {"name": "Copy", "owner": staff.pk, "origins": ORIGIN})
    assert response.status_code == 422 and "belongs to another site" in response.content.decode()
    response = client.post(f"/sites/{site.pk}/edit/", {"name": "Blog 2", "owner": mina.pk, "origins": ORIGIN})
    assert response.status_code == 302 and Site.objects.get().name == "Blog 2"


@pytest.mark.django_db
def test_an_origin_that_another_site_gets_at_the_same_moment_is_refused(
    client: Client, staff: User, mina: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_site(mina, "Blog", ORIGIN)
    monkeypatch.setattr(SiteForm, "clean_origins", lambda form: [ORIGIN])  # as if it had been free a moment ago
    client.force_login(staff)
    response = client.post("/sites/new/", {"name": "Copy", "owner": staff.pk, "origins": ORIGIN})
    assert response.status_code == 422 and "belongs to another site" in response.content.decode()
    assert Site.objects.count() == 1


@pytest.mark.django_db
def test_an_origin_that_is_removed_counts_no_longer(client: Client, staff: User, mina: User) -> None:
    site = new_site(mina, "Blog", ORIGIN, "https://old.example")
    client.force_login(staff)
    client.post(f"/sites/{site.pk}/edit/", {"name": "Blog", "owner": mina.pk, "origins": ORIGIN})
    assert [str(origin) for origin in Origin.objects.all()] == [ORIGIN]


@pytest.mark.django_db
def test_likes_move_when_the_url_of_a_page_changes(client: Client, staff: User, mina: User) -> None:
    site = new_site(mina, "Blog", ORIGIN)
    page = page_of(site, PAGE)
    client.force_login(staff)
    response = client.post(f"/sites/{site.pk}/remap/", {"old": f"{PAGE}?utm_source=x", "new": NEW})
    assert response["location"] == f"/sites/{site.pk}/"
    moved = Page.objects.select_related("post").get(pk=page.pk)
    assert (moved.key, moved.post_id, moved.post.text, moved.post.page_url) == (NEW, page.post_id, NEW, NEW)
    assert page_of(site, NEW).pk == page.pk and page_of(site, PAGE).pk != page.pk


@pytest.mark.django_db
def test_likes_do_not_move_onto_others_or_from_nowhere(client: Client, staff: User, mina: User) -> None:
    site = new_site(mina, "Blog", ORIGIN)
    page_of(site, PAGE), page_of(site, NEW)
    client.force_login(staff)
    for old, new, sentence in (
        (PAGE, NEW, "The new page has likes of its own."),
        ("nowhere", "x", "The old page has no likes."),
        (PAGE, "https://[::1", "Enter a valid URL or key."),
    ):
        response = client.post(f"/sites/{site.pk}/remap/", {"old": old, "new": new})
        assert response.status_code == 422 and sentence in response.content.decode()
    assert set(Page.objects.values_list("key", flat=True)) == {PAGE, NEW}


@pytest.mark.django_db
def test_the_command_moves_likes_too(mina: User) -> None:
    site = new_site(mina, "Blog", ORIGIN)
    page_of(site, PAGE), page_of(site, "about")
    call_command("remap", PAGE, NEW)
    call_command("remap", "about", "about-us", site=site.pk)
    assert set(Page.objects.values_list("key", flat=True)) == {NEW, "about-us"}
    for old, new in (("x", "y"), (PAGE, NEW), (NEW, "about-us"), (NEW, "")):
        with pytest.raises(CommandError):
            call_command("remap", old, new)


@pytest.mark.django_db
def test_a_deleted_site_takes_its_likes_along(client: Client, staff: User, mina: User) -> None:
    site = new_site(mina, "Blog", ORIGIN)
    page_of(site, PAGE)
    kept = Post.objects.create(author=mina, text="A post")
    client.force_login(staff)
    assert client.post(f"/sites/{site.pk}/delete/").status_code == 302
    assert not Site.objects.exists() and not Like.objects.exists() and [*Post.objects.all()] == [kept]
