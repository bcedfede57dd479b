from __future__ import annotations

from django.contrib import admin

from feedback.models import Block, Mail, Message, Try
from notifications.admin import ReadOnly


class MailInline(ReadOnly, admin.TabularInline):
    model = Mail
    fields = ["kind", "status", "attempts", "created_at", "ended_at", "said"]
    extra = 0
    show_change_link = True


class TryInline(ReadOnly, admin.TabularInline):
    model = Try
    fields = ["ended_at", "status", "said", "next_at"]
    extra = 0


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):
    list_display = ["__str__", "received_at", "read_at", "answered_at", "archived_at", "spam"]
    list_filter = ["spam", "received_at"]
    search_fields = ["email", "text", "note"]
    date_hierarchy = "received_at"
    readonly_fields = ["email", "text", "page", "language", "received_at", "answered_at"]
    exclude = ["visitor"]
    show_full_result_count = False
    inlines = [MailInline]


@admin.register(Mail)
class MailAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["to", "kind", "status", "attempts", "created_at", "next_at", "said"]
    list_filter = ["status", "kind"]
    search_fields = ["to", "identity"]
    show_full_result_count = False
    inlines = [TryInline]


@admin.register(Block)
class BlockAdmin(admin.ModelAdmin):
    list_display = ["email", "blocked_at"]
    search_fields = ["email"]
