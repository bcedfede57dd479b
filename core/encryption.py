"""Texts that are encrypted in the database, so that a copy of it holds no secret addresses or keys."""

from __future__ import annotations

import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import ExpressionWrapper, F
from django.utils.crypto import salted_hmac

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

SALT = "redheart.encryption"
LOOKUPS = {"exact", "in", "isnull"}
log = logging.getLogger(__name__)


class EncryptedTextField(models.TextField):
    """Encrypted with a key made from SECRET_KEY. AES-SIV (RFC 5297) gives the same bytes for the same text, so equality
    and uniqueness work in the database; no other lookup does. A text that no key can read is empty."""

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        return urlsafe_b64encode(cipher(settings.SECRET_KEY).encrypt(text.encode(), None)).decode() if text else text

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        return decrypt(value) if value else value

    def get_lookup(self, lookup_name: str) -> Any:
        return super().get_lookup(lookup_name) if lookup_name in LOOKUPS else None


def cipher(secret_key: str) -> AESSIV:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # large, and most processes encrypt nothing

    return AESSIV(salted_hmac(SALT, "", secret=secret_key, algorithm="sha512").digest())


def decrypt(value: str) -> str:
    text = _decrypted(value)
    if text is None:
        log.error("an encrypted text cannot be read: neither SECRET_KEY nor SECRET_KEY_FALLBACKS has its key")
    return text or ""


def _decrypted(value: str) -> str | None:
    """None if no key can read it."""
    from cryptography.exceptions import InvalidTag

    for key in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
        try:
            return cipher(key).decrypt(urlsafe_b64decode(value), None).decode()
        except (InvalidTag, ValueError):
            continue
    return None


def encrypt_again() -> None:
    """Encrypts with the current SECRET_KEY what an earlier one has encrypted."""
    for model, field in encrypted_fields():
        for pk, text in model._default_manager.values_list("pk", field.attname).iterator():
            if text:
                model._default_manager.filter(pk=pk).update(**{field.attname: text})


def unreadable() -> int:
    """The number of texts that no key can read."""
    number = 0
    for model, field in encrypted_fields():
        stored = ExpressionWrapper(F(field.attname), output_field=models.TextField())
        values = model._default_manager.values_list(stored, flat=True)
        number += sum(1 for value in values.iterator() if value and _decrypted(value) is None)
    return number


def encrypted_fields() -> list[tuple[type[models.Model], models.Field[Any, Any]]]:
    found = ((model, field) for model in apps.get_models() for field in model._meta.local_fields)
    return [(model, field) for model, field in found if isinstance(field, EncryptedTextField)]
