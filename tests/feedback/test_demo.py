from __future__ import annotations

import pytest
from django.core import mail as django_mail
from django.core.management import call_command

from core.redis import redis
from feedback.models import Mail, Message
from feedback.selectors import counts
from feedback.tasks import send_pending
from likes.models import Post

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_empty_site_gets_a_demo_once_and_sends_nothing(settings: object) -> None:
    settings.DEBUG = True  # type: ignore[attr-defined]
    call_command("prepare", verbosity=0)
    call_command("prepare", verbosity=0)
    assert Post.objects.count() == 8 and Message.objects.count() == 6
    assert all(counts().values()), "every filter shows something"
    send_pending()
    assert not Mail.due().exists() and not django_mail.outbox
    assert not redis().exists("mail")
