"""Read-only lists. No page shows a key."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin import ReadOnly
from notifications.models import Delivery, Destination, Mute, Notification, NotificationSettings, Preference
from notifications.transports.base import transport_of
from notifications.types import notification_types
from outbox.admin import AttemptInline
from outbox.email import EMAIL


@admin.register(Destination)
class DestinationAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["name", "transport", "display_address", "owner", "failures", "paused_at", "created_at"]
    list_filter = ["transport", "paused_at"]
    search_fields = ["name", "owner__username"]
    fields = ["name", "transport", "display_address", "owner", "failures", "paused_at", "created_at"]

    @admin.display(description=_("address"))
    def display_address(self, destination: Destination) -> str:
        if destination.transport == EMAIL:
            return destination.address
        return transport_of(destination).display_address(destination)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["pk", "destination", "status", "attempt_count", "created_at", "next_at", "response"]
    list_filter = ["status", "transport"]
    list_select_related = ["destination"]
    search_fields = ["identity", "destination__name"]
    fields = [
        "destination", "identity", "status", "attempt_count", "created_at", "ended_at", "next_at", "response",
    ]  # fmt: skip
    inlines = [AttemptInline]


class TypeFilter(admin.SimpleListFilter):
    """The declared types. Django would look for the types of all rows."""

    title, parameter_name = _("type"), "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, str(declared.label)) for name, declared in notification_types.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Notification]) -> QuerySet[Notification]:
        return queryset.filter(type=self.value()) if self.value() else queryset


@admin.register(Notification)
class NotificationAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["type", "subject", "recipient", "count", "unseen", "changed_at", "read_at", "archived_at"]
    list_filter = [TypeFilter, "unseen"]
    search_fields = ["subject", "recipient__username"]


@admin.register(Preference)
class PreferenceAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["user", "type", "bell", "digest", "push", "integrations"]
    list_filter = ["type"]
    search_fields = ["user__username"]


@admin.register(NotificationSettings)
class NotificationSettingsAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["user", "language", "time_zone", "quiet_from", "quiet_until", "digest"]
    list_filter = ["digest", "language"]
    search_fields = ["user__username"]


@admin.register(Mute)
class MuteAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["user", "subject"]
    search_fields = ["user__username", "subject"]
