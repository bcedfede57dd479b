"""The notifications of this app: someone liked your post, and milestones."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber, TruncDay
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from likes.author_notifications import day
from likes.models import BY_ACCOUNT, Like, Post
from notifications.models import AlertLevel, Notification
from notifications.types import NotificationType, declare

MAX_NAMES = 3


class AboutPost(NotificationType):
    icon = "heart"
    page = "post"

    def prepare(self, groups: list[Notification]) -> None:
        posts = Post.objects.only("text", "in_feed").in_bulk([int(group.key) for group in groups])
        for group in groups:
            if post := posts.get(int(group.key)):
                group.detail, group.on_page = Truncator(post.text).chars(60), not post.in_feed


@declare
class Liked(AboutPost):
    name = "liked"
    label = _("Someone liked your post")
    choices = (AlertLevel.EVERY_TIME, AlertLevel.FIRST_OF_DAY, AlertLevel.OFF)

    def prepare(self, groups: list[Notification]) -> None:
        super().prepare(groups)
        names, fresh = latest_names(groups), fresh_counts([group for group in groups if group.seen_at])
        for group in groups:
            key = (int(group.key), group.period)
            group.names = names.get(key, [])
            group.fresh = fresh.get(key, 0)

    def text(self, group: Notification) -> str:
        count, names = group.count, group.names[: 2 if group.count > len(group.names) else MAX_NAMES]
        others = count - len(names)
        values = {"others": f"{others:,}", **dict(zip(("one", "two", "three"), names, strict=False))}
        match len(names), others:
            case 0, _ if group.on_page:
                text = ngettext("1 person liked your page", "%(others)s people liked your page", count)
            case 0, _:
                text = ngettext("1 person liked your post", "%(others)s people liked your post", count)
            case 1, 0:
                text = gettext("%(one)s liked your post")
            case 2, 0:
                text = gettext("%(one)s and %(two)s liked your post")
            case 3, 0:
                text = gettext("%(one)s, %(two)s and %(three)s liked your post")
            case 1, _:
                text = ngettext(
                    "%(one)s and 1 other liked your post", "%(one)s and %(others)s others liked your post", others
                )
            case _:
                text = ngettext(
                    "%(one)s, %(two)s and 1 other liked your post",
                    "%(one)s, %(two)s and %(others)s others liked your post",
                    others,
                )
        return text % values


@declare
class Milestone(AboutPost):
    name = "milestone"
    label = _("Your post reached 10, 100 or 1,000 likes")
    icon = "award"

    def text(self, group: Notification) -> str:
        text = (
            gettext("Your page reached %(number)s likes")
            if group.on_page
            else gettext("Your post reached %(number)s likes")
        )
        return text % {"number": f"{int(group.period):,}"}


Key = tuple[int, str]  # post id and day


def in_group(group: Notification, since: datetime | None = None) -> Q:
    """Condition for the likes in this group; with ``since`` only those after it."""
    start = datetime.fromisoformat(group.period).replace(tzinfo=UTC)
    after = Q(notified_at__gt=since) if since else Q(notified_at__gte=start)
    return Q(after, post=group.key, notified_at__lt=start + timedelta(days=1), counted=True)


def latest_names(groups: list[Notification]) -> dict[Key, list[str]]:
    """For each group the usernames of the latest likes, latest first."""
    order = Window(
        RowNumber(), partition_by=[F("post"), TruncDay("notified_at", tzinfo=UTC)], order_by=F("notified_at").desc()
    )
    likes = Like.objects.filter(BY_ACCOUNT, Q(*map(in_group, groups), _connector=Q.OR))
    latest = likes.annotate(row=order).filter(row__lte=MAX_NAMES).order_by("row", "pk")
    rows = latest.values_list("post", "notified_at", "visitor")
    accounts = [(post_id, day(notified_at), int(visitor[1:])) for post_id, notified_at, visitor in rows if notified_at]
    usernames = dict(User.objects.filter(pk__in={pk for *_, pk in accounts}).values_list("pk", "username"))
    found = defaultdict(list)
    for post_id, period, pk in accounts:
        if pk in usernames:
            found[post_id, period].append(usernames[pk])
    return found


def fresh_counts(groups: list[Notification]) -> dict[Key, int]:
    """For each group the number of likes since the author last saw it. All groups must have ``seen_at``."""
    if not groups:
        return {}
    likes = Like.objects.filter(Q(*(in_group(group, group.seen_at) for group in groups), _connector=Q.OR))
    days = likes.annotate(day=TruncDay("notified_at", tzinfo=UTC)).values_list("post", "day")
    return {(post_id, day(at)): number for post_id, at, number in days.annotate(number=Count("pk")).order_by()}
