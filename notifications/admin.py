"""Lists to look things up in. What is sent or wanted changes only through its own pages, and no key is shown."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from notifications.models import Attempt, Delivery, Destination, Habits, Mute, Notification, Preference
from notifications.transports.base import transports


class ReadOnly:
    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class AttemptInline(ReadOnly, admin.TabularInline):
    model = Attempt
    fields = ["ended_at", "status", "said", "request", "answer", "next_at"]
    extra = 0


@admin.register(Destination)
class DestinationAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["name", "transport", "shown", "owner", "failures", "paused_at", "created_at"]
    list_filter = ["transport", "paused_at"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]
    fields = ["name", "transport", "shown", "owner", "failures", "paused_at", "created_at"]
    show_full_result_count = False

    @admin.display(description=_("address"))
    def shown(self, place: Destination) -> str:
        return transports[place.transport].shown(place)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["pk", "destination", "status", "attempts", "created_at", "next_at", "said"]
    list_filter = ["status", "destination__transport"]
    list_select_related = ["destination"]
    search_fields = ["identity", "destination__name"]
    fields = ["destination", "identity", "status", "attempts", "created_at", "ended_at", "next_at", "said"]
    show_full_result_count = False
    inlines = [AttemptInline]


@admin.register(Notification)
class NotificationAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["kind", "subject", "recipient", "count", "unseen", "changed_at", "read_at", "archived_at"]
    list_filter = ["kind", "unseen"]
    list_select_related = ["recipient"]
    search_fields = ["subject", "recipient__username"]
    show_full_result_count = False


@admin.register(Preference)
class PreferenceAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["user", "kind", "bell", "mail", "push", "outside"]
    list_filter = ["kind"]
    list_select_related = ["user"]
    search_fields = ["user__username"]


@admin.register(Habits)
class HabitsAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["user", "language", "time_zone", "quiet_from", "quiet_until", "digest"]
    list_filter = ["digest", "language"]
    list_select_related = ["user"]
    search_fields = ["user__username"]


@admin.register(Mute)
class MuteAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["user", "subject"]
    list_select_related = ["user"]
    search_fields = ["user__username", "subject"]
