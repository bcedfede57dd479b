"""The emails that a development site keeps instead of sending them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from pytest_django import Settings

from feedback import dev_mailbox
from feedback.models import Message
from outbox.tasks import send_message

pytestmark = pytest.mark.django_db


@pytest.fixture
def captured(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "feedback.dev_mailbox.EmailBackend"


def test_emails_are_kept_and_staff_can_read_them(
    captured: None, staff_client: Client, write: Callable[..., Message]
) -> None:
    message = write("<b>Hello</b> 한국어\n=1+1")
    send_message(message.mails.get().pk)
    assert message.mails.get().status == "accepted"
    [(name, parsed)] = dev_mailbox.latest()
    assert parsed["Message-ID"] == message.mails.get().content["headers"]["Message-ID"]
    assert name.encode() in staff_client.get("/inbox/mails/").content
    page = staff_client.get(f"/inbox/mails/{name}/").content.decode()
    assert "Your Feedback" in page and "&lt;b&gt;Hello&lt;/b&gt; 한국어" in page and message.token in page


def test_the_html_of_an_email_is_a_separate_document_without_scripts(captured: None, staff_client: Client) -> None:
    email = EmailMultiAlternatives("Digest", "plain", to=["mina@example.com"])
    email.attach_alternative("<style>p { color: red }</style><p>As HTML</p><script>alert(1)</script>", "text/html")
    dev_mailbox.EmailBackend().send_messages([email])
    [(name, _)] = dev_mailbox.latest()
    assert f'src="/inbox/mails/{name}/html/"' in staff_client.get(f"/inbox/mails/{name}/").content.decode()
    response = staff_client.get(f"/inbox/mails/{name}/html/")
    assert "<p>As HTML</p>" in response.content.decode()
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy
    assert response.headers["x-frame-options"] == "SAMEORIGIN"
    assert staff_client.get("/inbox/mails/x.eml/html/").status_code == 404


@pytest.mark.parametrize("name", ["x.eml", "..", "%2e%2e%2fsecret_key", "0.eml", "1" * 30 + ".eml"])
def test_there_is_nothing_else_to_read(captured: None, staff_client: Client, name: str) -> None:
    assert staff_client.get(f"/inbox/mails/{name}/").status_code == 404


def test_a_site_that_sends_emails_has_no_list_of_them(staff_client: Client) -> None:
    assert staff_client.get("/inbox/mails/").status_code == 404
