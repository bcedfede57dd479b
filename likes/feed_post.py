"""A post as the feed shows it to one visitor, and its HTML, which is rendered once for all who see the same."""

from __future__ import annotations

import sys
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from likes.models import Like, Post

MAX_RENDERED = 0 if "runserver" in sys.argv else 1000  # posts in memory, 4 MB; none while templates are being edited


class FeedPost(NamedTuple):
    """A row of `sql.feed`: all that `_post.html` shows to somebody who is not the author of the post."""

    pk: int
    author_id: int
    author_name: str
    text: str
    created_at: datetime
    edited_at: datetime | None
    like_count: int
    imported_count: int
    version: int
    wanted: bool | None  # of the visitor's like; None: there is none
    counted: bool | None
    pending: bool

    @property
    def post(self) -> Post:
        post = Post(
            pk=self.pk,
            author=User(pk=self.author_id, username=self.author_name),
            text=self.text,
            created_at=self.created_at,
            edited_at=self.edited_at,
            like_count=self.like_count,
            imported_count=self.imported_count,
            version=self.version,
        )
        settled_at = None if self.pending else self.created_at  # the page shows only whether there is one
        post.personal_like = Like(pk=0, wanted=bool(self.wanted), counted=bool(self.counted), settled_at=settled_at)
        return post

    @property
    def html(self) -> SafeString:
        return _html(self, get_language())


@lru_cache(MAX_RENDERED)
def _html(shown: FeedPost, language: str | None) -> SafeString:
    """In the active language. It is rendered without a request, so nothing else of the visitor can be in it."""
    return render_to_string("likes/_post.html", {"post": shown.post})
