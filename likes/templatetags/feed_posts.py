"""``{% feed_posts posts %}``: a loop in Python, because the same loop in a template would cost more than the query."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.template import Context
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from likes.feed_post import FeedPost

register = template.Library()


@register.simple_tag(takes_context=True)
def feed_posts(context: Context, posts: Iterable[FeedPost]) -> SafeString:
    """The HTML of posts. Those of the reader have a menu, whose token is for one response; the others are shared."""
    reader = context["user"].pk
    return SafeString("".join(_with_menu(context, post) if post.author_id == reader else post.html for post in posts))


def _with_menu(context: Context, shown: FeedPost) -> SafeString:
    return render_to_string("likes/_post.html", {"post": shown.post}, context["request"])
