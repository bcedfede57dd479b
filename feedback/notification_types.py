"""The notifications of feedback. They hold no text of a message, because the page they link to checks permission."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from feedback.models import Message
from notifications.models import Notification
from notifications.types import NotificationType, declare


@declare
class NewFeedback(NotificationType):
    name = "feedback"
    label = _("New feedback")
    staff = True
    icon = "inbox"
    page = "inbox"

    def text(self, group: Notification) -> str:
        text = ngettext("New message in the inbox", "%(count)s new messages in the inbox", group.count)
        return text % {"count": f"{group.count:,}"}


@declare
class MailFailed(NotificationType):
    name = "mailfailed"
    label = _("A feedback email failed")
    staff = True
    icon = "mail-warning"
    sentence = _("Couldn't send a feedback email")
    page = "message"


@declare
class ReplyArrived(NotificationType):
    name = "reply"
    label = _("Someone replied to your message")
    icon = "mail"
    sentence = _("Your message got a reply")
    page = "receipt"

    def prepare(self, groups: list[Notification]) -> None:
        """Loads the first words of the messages: their recipient has written them."""
        tokens = [group.key for group in groups]
        texts = dict(Message.objects.filter(token__in=tokens).values_list("token", "text"))
        for group in groups:
            group.detail = texts.get(group.key, "")[:60]


@declare
class ExportReady(NotificationType):
    name = "export"
    label = _("Export ready")
    staff = True
    icon = "download"
    sentence = _("Your export is ready")

    def url(self, group: Notification) -> str:
        return reverse("exports")
