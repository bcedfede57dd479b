"""Cookies of a visitor, for tests that send requests without Django's client."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore

from core import visitors


def cookies(key: str) -> str:
    """The Cookie header of this visitor; an account that exists is signed in."""
    visitor = f"{visitors.COOKIE}={visitors.signer.sign(key)}"
    user = User.objects.filter(pk=key[1:]).first() if key[:1] == "u" and key[1:].isdecimal() else None
    return f"{visitor}; {settings.SESSION_COOKIE_NAME}={sign_in(user).session_key}" if user else visitor


def sign_in(user: User) -> SessionStore:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session
