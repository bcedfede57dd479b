"""What endpoints take and return. Descriptions and examples are those of the documentation."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from ninja import Field, Schema
from pydantic import AfterValidator, StrictBool

from embed.models import MAX_KEY

MAX_PAGES, MAX_ITEMS, MAX_REPLY = 100, 100, 20_000
EXAMPLE = "https://blog.example/hello/"
Show = Literal["all", "open", "new", "unanswered", "answered", "failed", "spam", "archived"]


def text(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise ValueError("Enter a text.")
    return value


PageKey = Annotated[str, Field(min_length=1, max_length=MAX_KEY)]
Text = Annotated[str, AfterValidator(text)]
Limit = Annotated[int, Field(ge=1, le=MAX_ITEMS, description="How many items to return.")]


class Problem(Schema):
    """Why a request was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="What to do, in one sentence.")


class CountsQuery(Schema):
    page: list[PageKey] = Field(
        min_length=1, max_length=MAX_PAGES, description="URL or key of a page; repeat it for more.", examples=[EXAMPLE]
    )


class Count(Schema):
    page: str = Field(description="As it was sent.")
    count: int = Field(ge=0, description="Likes that are settled, and imported ones.")


class Counts(Schema):
    counts: list[Count] = Field(description="In the order of the request. A page that nobody has liked has 0.")


class LikeBody(Schema):
    page: PageKey = Field(description="URL on the site, or key of a page.", examples=[EXAMPLE])
    visitor: Text = Field(
        min_length=1, max_length=200, description="Your id of the user. Only a keyed hash is stored.", examples=["42"]
    )
    liked: StrictBool = Field(description="The wanted state.", examples=[True])


class Liked(Schema):
    page: str = Field(description="The key of the page.")
    liked: bool


class PagesQuery(Schema):
    cursor: str = Field("", pattern=r"^([0-9]{1,10}-[0-9]{1,18})?$", description="The `next` of the page before.")
    limit: Limit = 25


class PageItem(Schema):
    page: str = Field(description="The key of the page.")
    url: str = Field(description="Where it was liked, if that is known.")
    count: int = Field(ge=0)


class Pages(Schema):
    items: list[PageItem]
    next: str | None = Field(description="The cursor of the next page. null at the end.")


class FeedbackQuery(Schema):
    show: Show = Field("open", description="Which messages.")
    cursor: str = Field("", pattern=r"^([0-9]{1,18})?$", description="The `next` of the page before.")
    limit: Limit = 25


class MessageItem(Schema):
    id: int
    text: str
    email: str = Field(description="Empty if the sender left none.")
    page: str = Field(description="Where it was sent from.")
    received_at: datetime
    read_at: datetime | None
    answered_at: datetime | None
    archived_at: datetime | None
    spam: bool


class Messages(Schema):
    items: list[MessageItem] = Field(description="Newest first.")
    next: str | None = Field(description="The cursor of the next page. null at the end.")


class ReplyBody(Schema):
    text: Text = Field(min_length=1, max_length=MAX_REPLY, examples=["Thank you, it is fixed."])


class ReplyHeaders(Schema):
    idempotency_key: str = Field(
        "",
        max_length=64,
        alias="Idempotency-Key",
        description="The same key and text sent again send no second email.",
    )


class Reply(Schema):
    message: int = Field(description="The id of the message.")
    status: str = Field(description="The state of the email: received, queued, sending, accepted, retrying or failed.")


class MessagePatch(Schema):
    """What is left out, or null, stays as it is."""

    read: StrictBool | None = Field(None, examples=[True])
    archived: StrictBool | None = Field(None, examples=[True])
    spam: StrictBool | None = None
