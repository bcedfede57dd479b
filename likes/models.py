from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.urls import reverse
from django.utils import timezone

from core.models import Version

FOLDED_CHARACTERS, FOLDED_LINES = 500, 9
BY_ACCOUNT = Q(visitor__gte="u", visitor__lt="v")  # likes of visitors with an account, which have a name


class Post(models.Model):
    """``like_count`` is the number of settled likes, ``imported_count`` that of likes from before Redheart; ``version``
    rises with each change of them."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="posts")
    text = models.TextField(max_length=2000)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    like_count = models.PositiveIntegerField(default=0, editable=False)
    imported_count = models.PositiveIntegerField(default=0, editable=False)
    version = models.PositiveBigIntegerField(default=0, editable=False)
    recounted_version = models.BigIntegerField(null=True, editable=False)  # the latest one that `recount` found right
    edited_at = models.DateTimeField(null=True, editable=False)
    in_feed = models.BooleanField(default=True, editable=False)  # False: a page of another site, see embed/
    page_url = models.URLField(max_length=500, blank=True, editable=False)  # of such a page, if it is known

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["-id"], condition=Q(in_feed=True), name="likes_feed")]

    personal_like: Like  # of the visitor of the page; set by `selectors.with_personal_likes`

    def __str__(self) -> str:
        return self.text[:60]

    @classmethod
    def of_feed(cls) -> models.QuerySet[Post]:
        return cls.objects.filter(in_feed=True)

    save = transaction.atomic(models.Model.save)  # with `feed_changed`, which raises the feed's version

    def get_absolute_url(self) -> str:
        return reverse("post", args=[self.pk])

    @property
    def is_long(self) -> bool:
        """Whether the feed folds the text."""
        return len(self.text) > FOLDED_CHARACTERS or self.text.count("\n") >= FOLDED_LINES

    @property
    def count(self) -> int:
        return self.like_count + self.imported_count

    @property
    def shown(self) -> int:
        """The count that the visitor of the page sees: it includes their click before the worker has settled it."""
        return self.count + self.personal_like.wanted - self.personal_like.counted

    @property
    def state(self) -> dict[str, Any]:
        """The JSON of the post, for the visitor of ``personal_like``."""
        liked = self.personal_like.wanted
        return {"post": self.pk, "count": self.count, "version": self.version, "liked": liked}

    @classmethod
    @transaction.atomic
    def recount_one(cls, pk: int) -> int:
        """Sets the count of a post to the number of its rows. Returns by how much it was wrong."""
        post = cls.objects.select_for_update(no_key=True).filter(pk=pk).first()
        actual = Like.objects.filter(post_id=pk, counted=True).count()
        if post is None or post.like_count == actual:
            return 0
        cls.objects.filter(pk=pk).update(like_count=actual, version=F("version") + 1)
        return abs(post.like_count - actual)


FEED = "feed"  # name of its version


@receiver([post_save, post_delete], sender=Post)
def feed_changed(instance: Post, created: bool = True, **_: Any) -> None:
    """Runs in the transaction that writes or deletes a post, also when posts are deleted with their author.
    ``created`` is False if a post was edited; a deletion does not send it."""
    if created and instance.in_feed:
        Version.increase(FEED)


def click_id(post_id: int, clicked_at: float) -> str:
    """The correlation id of a click at this time, in seconds since 1970. It is made of what the row has, so every
    process finds the same one."""
    return f"{post_id}-{round(clicked_at * 1_000_000):x}"


class Like(models.Model):
    """One visitor's like of one post. The row is its own outbox entry: without ``settled_at`` it is pending."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="likes", db_index=False)
    visitor = models.CharField(max_length=32)
    wanted = models.BooleanField()
    counted = models.BooleanField(default=False)  # whether it is in post.like_count
    version = models.PositiveBigIntegerField(default=1)  # rises with each click
    clicked_at = models.DateTimeField()  # when the like endpoint accepted it
    settled_at = models.DateTimeField(null=True)
    notified_at = models.DateTimeField(null=True)  # set once; kept if the like is removed
    network = models.CharField(max_length=16, blank=True)  # `core.rate_limits.network_hash`, for a week, to find floods

    class Meta:
        constraints = [models.UniqueConstraint(fields=["visitor", "post"], name="one_like_per_visitor_and_post")]
        indexes = [
            models.Index(fields=["clicked_at"], condition=Q(settled_at=None), name="likes_pending"),
            models.Index(fields=["post", "notified_at", "visitor"], name="likes_notified"),
            models.Index(fields=["network", "clicked_at"], condition=~Q(network=""), name="likes_networks"),
            models.Index(fields=["post", "-clicked_at"], condition=BY_ACCOUNT, name="likes_by_account"),
        ]

    def __str__(self) -> str:
        return f"{self.visitor} {'likes' if self.wanted else 'does not like'} {self.post_id}"

    @property
    def click_id(self) -> str:
        return click_id(self.post_id, self.clicked_at.timestamp())

    @property
    def pending(self) -> bool:
        return self.pk is not None and self.settled_at is None
