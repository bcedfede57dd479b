"""Forged request headers do not change the links of the site."""

from __future__ import annotations

import httpx
import pytest

from tests.live import Live, until


def write_feedback(live: Live, email: str, headers: dict[str, str]) -> None:
    with httpx.Client(base_url=live.url, headers=headers, timeout=30) as sender:
        form = sender.get("/feedback/")
        assert form.status_code == 200
        fields = {"email": email, "message": "Where does the link go?", "page": ""}
        response = sender.post("/feedback/", data={**fields, "csrfmiddlewaretoken": sender.cookies["csrftoken"]})
        assert response.status_code == 303
        assert response.headers["location"].startswith("/feedback/")


def mail_to(live: Live, email: str) -> str:
    """The text of the captured email to this address."""
    until(lambda: any(email in text for text in live.emails()), "no mail arrived")
    return next(text for text in live.emails() if email in text)


def test_a_forged_root_path_does_not_evade_the_path_rules_of_a_proxy(live: Live) -> None:
    assert httpx.get(f"{live.url}/x/admin/login/", headers={"Daphne-Root-Path": "/x"}, timeout=30).status_code == 404
    assert httpx.get(f"{live.url}/x/", headers={"Daphne-Root-Path": "/x"}, timeout=30).status_code == 404
    assert httpx.get(f"{live.url}/", headers={"Daphne-Root-Path": "/x"}, timeout=30).status_code == 200


@pytest.mark.parametrize(
    ("email", "headers"),
    [
        ("root@example.com", {"Daphne-Root-Path": ".evil.example"}),
        ("port@example.com", {"Host": "localhost:31337"}),
        ("both@example.com", {"Daphne-Root-Path": "/x", "Host": "localhost:31337"}),
    ],
)
def test_links_in_mails_go_to_the_site(live: Live, email: str, headers: dict[str, str]) -> None:
    write_feedback(live, email, headers)
    text = mail_to(live, email)
    assert f"{live.url}/feedback/" in text
    assert "evil" not in text and "31337" not in text and "/x/" not in text
