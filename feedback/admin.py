from __future__ import annotations

from django.contrib import admin

from core.admin import Large, ReadOnly
from feedback.models import Block, Mail, Message, Rating
from outbox.admin import AttemptInline


class MailInline(ReadOnly, admin.TabularInline):
    model = Mail
    fields = ["type", "status", "attempt_count", "created_at", "ended_at", "response"]
    show_change_link = True


@admin.register(Message)
class MessageAdmin(Large, admin.ModelAdmin):
    list_display = ["__str__", "received_at", "read_at", "answered_at", "archived_at", "spam"]
    list_filter = ["spam", "received_at"]
    search_fields = ["email", "text", "note"]
    readonly_fields = ["email", "text", "source", "page", "identity", "language", "received_at", "answered_at"]
    inlines = [MailInline]


@admin.register(Mail)
class MailAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["to", "type", "status", "attempt_count", "created_at", "next_at", "response"]
    list_filter = ["status", "type"]
    search_fields = ["to", "identity"]
    fields = [
        "message", "type", "to", "author", "status", "attempt_count", "created_at", "ended_at", "next_at", "response",
    ]  # fmt: skip
    inlines = [AttemptInline]


@admin.register(Rating)
class RatingAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["page", "source", "helpful", "rated_at"]
    list_filter = ["helpful"]
    search_fields = ["page"]


@admin.register(Block)
class BlockAdmin(admin.ModelAdmin):
    list_display = ["email", "blocked_at"]
    search_fields = ["email"]
