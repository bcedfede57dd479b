"""The posts and likes of a person."""

from __future__ import annotations

from collections.abc import Iterable

from core.data_care.personal import Person, Personal
from likes import services
from likes.models import Like, Post


def of(person: Person) -> Iterable[Personal]:
    if person.user:
        posts = Post.of_feed().filter(author=person.user)
        yield Personal("posts", "posts", posts, ("id", "text", "created_at", "edited_at", "like_count"))
    if person.key:
        label = "likes (they still count, but nobody can tell whose they were)" if person.user else "likes"
        likes = Like.objects.filter(visitor=person.key, wanted=True)
        yield Personal("likes", label, likes, ("post_id", "post__text", "clicked_at"))


def erase(person: Person) -> None:
    """The likes of an account stay when it is deleted: see `services.anonymise_likes`."""
    if person.user:
        for post in Post.of_feed().filter(author=person.user).iterator():
            services.delete_post(post=post)
    elif person.visitor:
        services.remove_likes(visitor=person.visitor)
