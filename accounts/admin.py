from __future__ import annotations

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import services
from accounts.models import AccountMail
from core.admin import ReadOnly
from outbox.admin import AttemptInline

admin.site.unregister(User)


@admin.register(User)
class AccountAdmin(UserAdmin):
    """An account can be made without a password: its owner sets one by a link in an email."""

    add_fieldsets = (
        (
            None,
            {"classes": ("wide",), "fields": ("username", "email", "usable_password", "password1", "password2")},
        ),
    )
    actions = ["send_link"]

    @admin.action(description=_("Send a link to set the password"), permissions=["change"])
    def send_link(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        users = queryset.filter(is_active=True).exclude(email="")
        for user in users:
            services.invite(user=user)
        number = len(users)
        text = ngettext("%(number)d email will be sent.", "%(number)d emails will be sent.", number)
        messages.success(request, text % {"number": number})


@admin.register(AccountMail)
class MailAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["to", "type", "account", "status", "attempt_count", "created_at", "next_at", "response"]
    list_filter = ["status", "type"]
    search_fields = ["to", "identity", "account__username"]
    list_select_related = ["account"]
    fields = [
        "account", "type", "to", "language", "status", "attempt_count", "created_at", "ended_at", "next_at", "response",
    ]  # fmt: skip
    inlines = [AttemptInline]
