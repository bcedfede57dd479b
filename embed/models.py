from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.encryption import EncryptedTextField
from likes.models import Post

MAX_KEY = 500  # characters
SCOPES = {
    "likes:read": _("Read likes"),
    "likes:write": _("Set likes"),
    "feedback:read": _("Read feedback"),
    "feedback:write": _("Reply to feedback and mark it"),
}


def new_secret() -> str:
    return secrets.token_urlsafe(32)


class Site(models.Model):
    """A site of somebody that has hearts of ours on its pages. The bell of its owner rings for their likes."""

    name = models.CharField(_("name"), max_length=100)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("owner"), related_name="sites")
    secret = EncryptedTextField(default=new_secret, editable=False)  # signs the user ids of the site
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = _("site")
        verbose_name_plural = _("sites")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("site", args=[self.pk])


class Origin(models.Model):
    """Where pages of a site come from, such as ``https://blog.example``. It decides which site a request is about, so
    no two sites share one."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="origins")
    origin = models.CharField(max_length=260, unique=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.origin


class Page(models.Model):
    """A page that somebody has liked. ``key`` is its canonical URL, or the name that the tag gives it; ``digest`` is
    made from site and key (`embed.keys.digest`)."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="pages")
    key = models.CharField(_("page"), max_length=MAX_KEY)
    digest = models.CharField(max_length=64, unique=True)
    post = models.OneToOneField(Post, models.CASCADE, related_name="page")

    class Meta:
        verbose_name = _("page")
        verbose_name_plural = _("pages")

    def __str__(self) -> str:
        return self.key


class ApiKey(models.Model):
    """Lets a server use the REST API for one site. Only the digest of the key is stored."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="api_keys")
    name = models.CharField(_("name"), max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(_("permissions"), default=list)  # names in SCOPES
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)  # to the minute

    class Meta:
        ordering = ["pk"]
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return self.name

    @property
    def permissions(self) -> list[str]:
        """What the key may do, in the language of the reader."""
        return [str(label) for scope, label in SCOPES.items() if scope in self.scopes]
