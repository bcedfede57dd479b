from __future__ import annotations

import pytest
from django.core import mail as django_mail
from django.core.management import call_command
from pytest_django import Settings

from core.redis import redis
from feedback.models import Message
from feedback.selectors import counts
from likes.models import Post
from outbox.models import OutboxMessage
from outbox.tasks import send_pending

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_empty_development_site_gets_demo_messages_once_and_sends_no_email(settings: Settings) -> None:
    settings.DEBUG = True
    call_command("prepare", verbosity=0)
    call_command("prepare", verbosity=0)
    assert Post.objects.filter(in_feed=True).count() == 8 and Message.objects.count() == 6
    assert all(counts().values()), "every filter shows something"
    send_pending()
    assert not OutboxMessage.due().exists() and not django_mail.outbox
    assert not redis().exists("mail")
