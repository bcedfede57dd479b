from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin import Large, ReadOnly
from likes.models import Like, Post


@admin.register(Post)
class PostAdmin(Large, admin.ModelAdmin):
    list_display = ["__str__", "author", "created_at", "like_count"]
    list_select_related = ["author"]
    search_fields = ["text", "author__username"]
    readonly_fields = ["like_count", "version", "created_at"]
    raw_id_fields = ["author"]


@admin.register(Like)
class LikeAdmin(ReadOnly, admin.ModelAdmin):
    """Nothing can be changed: only `services.set_likes` may change likes, or counts would be wrong."""

    list_display = ["post_id", "visitor", "wanted", "counted", "clicked_at", "settled_at"]
    list_filter = [("settled_at", admin.EmptyFieldListFilter), "wanted"]
    search_fields = ["visitor__exact"]
    search_help_text = _("The whole key of a visitor, such as u12")

    def has_delete_permission(self, request: HttpRequest, obj: Like | None = None) -> bool:
        return False
