"""The rows of a large site, for `tests/test_large_data.py`: in the suite fewer, because what grows with a table shows
there, too."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import connection


class Size(NamedTuple):
    likes: int
    posts: int  # of one author
    messages: int
    notifications: int  # of the author


FULL = Size(likes=1_000_000, posts=5_000, messages=100_000, notifications=10_000)
SMALL = Size(likes=40_000, posts=400, messages=12_000, notifications=6_000)
NUMBERS = "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {last})"
# A tenth of the likes are those of accounts, all of one post. They are from the last 60 days.
POSTS = """INSERT INTO likes_post
    (id, author_id, text, created_at, like_count, imported_count, version, in_feed, page_url)
    {numbers} SELECT {first} + i - 1, {author}, 'Post ' || i, {now}, 0, 0, 1, true, '' FROM numbers"""
LIKES = """INSERT INTO likes_like
    (post_id, visitor, wanted, counted, version, clicked_at, settled_at, notified_at, network)
    {numbers} SELECT {first} + CASE WHEN i % 10 = 0 THEN 0 ELSE i % {posts} END,
    CASE WHEN i % 10 = 0 THEN 'u' ELSE 'v' END || (100000 + i), true, true, 1, {ago}, {ago}, {ago},
    CASE WHEN i % 60 < 7 THEN 'network-' || i % 5000 ELSE '' END FROM numbers"""
COUNTS = "UPDATE likes_post SET like_count = (SELECT count(*) FROM likes_like AS l WHERE l.post_id = likes_post.id)"
# Nearly all are read; one in 20 is new.
NOTIFICATIONS = """INSERT INTO notifications_notification
    (recipient_id, type, subject, period, count, alert_level, unseen, version, changed_at, read_at, correlation_id,
     fan_out_pending)
    {numbers} SELECT {author}, 'liked', 'post.' || ({first} + i % {posts}), CASE WHEN i <= {posts}
    THEN substr(CAST({now} AS text), 1, 10) ELSE '20' || (10 + i / {posts}) || '-01-01' END,
    3, 2, i % 20 = 0, 1, {ago}, CASE WHEN i % 20 > 0 THEN {now} END, '', false FROM numbers"""
BELL = "INSERT INTO core_version (name, number) VALUES ('bell.{author}', 1)"
# A third is archived, a third is answered, one in 20 is unread; spam and failed emails are rare.
MESSAGES = """INSERT INTO feedback_message
    (token, key, email, text, source, identity, page, language, received_at, read_at, answered_at, archived_at, spam,
     email_failed, note, version)
    {numbers} SELECT 'token-' || i, 'key-' || i, 'kim' || i || '@example.com', 'A message about thing ' || i,
    CASE WHEN i % 4 = 0 THEN '' ELSE 'site-1' END, '', '/page/' || (i % 100), 'en', {ago},
    CASE WHEN i % 20 > 0 THEN {now} END, CASE WHEN i % 3 = 1 THEN {now} END, CASE WHEN i % 3 = 2 THEN {now} END,
    i % 1000 = 0, i % 2000 = 1, '', 1 FROM numbers"""
OUTBOX = """INSERT INTO outbox_outboxmessage
    (transport, content, identity, priority, status, on_hold, attempt_count, created_at, next_at, give_up_at, ended_at,
     response, correlation_id)
    {numbers} SELECT 'email', '{{}}', 'mail-' || i, 3, CASE WHEN i % 2000 = 1 THEN 'failed' ELSE 'accepted' END, false,
    1, {ago}, {ago}, {ago}, {ago}, '250 OK', '' FROM numbers"""
MAILS = """INSERT INTO feedback_mail (outboxmessage_ptr_id, message_id, type, author, "to", mailbox, text)
    SELECT o.id, m.id, 'confirmation', '', m.email, m.email, '' FROM outbox_outboxmessage AS o
    JOIN feedback_message AS m ON 'mail-' || substr(m.key, 5) = o.identity"""
LAST = {POSTS: "posts", LIKES: "likes", NOTIFICATIONS: "notifications", MESSAGES: "messages", OUTBOX: "messages"}


def fill(size: Size, author_id: int) -> int:
    """Adds so many rows, all about the author with this id. Returns the id of the post that a tenth of the likes are
    of."""
    first = 1 + int(_execute("SELECT coalesce(max(id), 0) FROM likes_post") or 0)
    postgres = connection.vendor == "postgresql"
    if postgres:
        _execute("SET statement_timeout = 0")
    values = {"author": author_id, "first": first, "posts": size.posts, "now": "CURRENT_TIMESTAMP"}
    for statement in (POSTS, LIKES, COUNTS, NOTIFICATIONS, BELL, MESSAGES, OUTBOX, MAILS):
        last = getattr(size, LAST.get(statement, "posts"))
        numbers = NUMBERS.format(last=last)
        _execute(statement.format(numbers=numbers, ago=AGO[connection.vendor].format(last=last), **values))
    if postgres:
        _execute("SELECT setval(pg_get_serial_sequence('likes_post', 'id'), max(id)) FROM likes_post")
        _execute("ANALYZE")
        _execute("RESET statement_timeout")
    return first


AGO = {
    "postgresql": "now() - i * (interval '60 days' / {last})",
    "sqlite": "datetime('now', '-' || (i * 5184000 / {last}) || ' seconds')",
}


def _execute(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None
