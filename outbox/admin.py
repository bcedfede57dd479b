from __future__ import annotations

from django.contrib import admin

from core.admin import ReadOnly
from outbox.models import Attempt


class AttemptInline(ReadOnly, admin.TabularInline):
    """The delivery log of a message. The apps show it with their own messages."""

    model = Attempt
    fields = ["ended_at", "status", "response", "request", "response_text", "next_at"]
    extra = 0
