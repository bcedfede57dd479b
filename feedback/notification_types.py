"""The notifications of feedback. They hold no text of a message, because the page they link to checks permission."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from feedback.models import Message
from notifications.models import Notification
from notifications.types import NotificationType, declare


@declare
class NewFeedback(NotificationType):
    name = "feedback"
    label = _("New feedback")
    staff = True
    icon = "inbox"

    def text(self, group: Notification) -> str:
        text = ngettext("New message in the inbox", "%(count)s new messages in the inbox", group.count)
        return text % {"count": f"{group.count:,}"}

    def url(self, group: Notification) -> str:
        return reverse("inbox")


@declare
class MailFailed(NotificationType):
    name = "mailfailed"
    label = _("A feedback email failed")
    staff = True
    icon = "mail-warning"

    def text(self, group: Notification) -> str:
        return gettext("Couldn't send a feedback email")

    def url(self, group: Notification) -> str:
        return reverse("message", args=[group.subject.removeprefix("message.")])


@declare
class ReplyArrived(NotificationType):
    name = "reply"
    label = _("Someone replied to your message")
    icon = "mail"

    def prepare(self, groups: list[Notification]) -> None:
        """Loads the first words of the messages: their recipient has written them."""
        tokens = [group.subject.removeprefix("receipt.") for group in groups]
        texts = dict(Message.objects.filter(token__in=tokens).values_list("token", "text"))
        for group, token in zip(groups, tokens, strict=True):
            group.detail = texts.get(token, "")[:60]

    def text(self, group: Notification) -> str:
        return gettext("Your message got a reply")

    def url(self, group: Notification) -> str:
        return reverse("receipt", args=[group.subject.removeprefix("receipt.")])


@declare
class ExportReady(NotificationType):
    name = "export"
    label = _("Export ready")
    staff = True
    icon = "download"

    def text(self, group: Notification) -> str:
        return gettext("Your export is ready")

    def url(self, group: Notification) -> str:
        return reverse("exports")
