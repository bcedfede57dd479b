"""What can be watched live. An app declares its topics in its own ``topics.py``.

A topic is ``<type>`` or ``<type>.<key>``, for example ``feed`` or ``post.12``. What is broadcast is an `Event`: the
absolute state of one name, with a version. Whoever has that version or a later one ignores it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs

MAX_TOPICS = 250  # topics on one page
LAST_VERSION = 2**53 - 1  # of a state that never changes again: the largest integer that JavaScript can hold
to_json = json.JSONEncoder(separators=(",", ":")).encode  # `json.dumps` would make an encoder for each event
TOPIC = re.compile(r"([a-z]+)(?:\.([A-Za-z0-9_-]{1,64}))?")


class Event(NamedTuple):
    topic: str  # goes to all who watch it
    name: str  # what it is about; the part before the dot becomes the page's event ``live:<part>``
    version: int
    state: str  # JSON object, with the version in "v"
    via: str = ""  # of a personal event: a topic that the pages watch which it is for; it is sent with that topic


def event(topic: str, version: int, data: dict[str, Any], *, name: str = "", via: str = "") -> Event:
    """Raises ValueError for a personal topic without ``via``: no page would get it."""
    if ":" in topic and not via:
        raise ValueError(f"The event {name!r} of one visitor needs via=, the topic that it is sent with.")
    return Event(topic, name or topic, version, to_json({"v": version, **data}), via)


@dataclass(frozen=True)
class TopicType:
    snapshot: Callable[[list[str]], Iterable[Event]]
    personal: Callable[[list[str], list[str]], Iterable[Event]] | None
    allows: Callable[[str | None, str], bool] | None
    versions: Callable[[list[str]], Mapping[str, int]] | None


polled: set[str] = set()  # topics whose state the hub takes again every few seconds while they are watched


class BadTopics(ValueError):
    """A query that no page of ours sends."""


class Refused(BadTopics):
    """A topic that this visitor may not watch."""


topic_types: dict[str, TopicType] = {}


def declare(
    name: str,
    *,
    snapshot: Callable[[list[str]], Iterable[Event]],
    personal: Callable[[list[str], list[str]], Iterable[Event]] | None = None,
    allows: Callable[[str | None, str], bool] | None = None,
    versions: Callable[[list[str]], Mapping[str, int]] | None = None,
    poll: bool = False,
) -> None:
    """``snapshot(keys)`` returns the current state, ``personal(visitors, keys)`` what only these visitors see of it.
    ``allows(visitor, key)`` decides who may watch; without it everybody may. A topic of which the snapshot returns no
    event, or one with `LAST_VERSION`, is not watched any longer.

    ``versions(keys)`` returns the version of each key that exists. The hub compares them every few seconds, and reads
    the snapshot only of what is newer than what it has; without it, of everything. It pays where many are watched.
    ``poll``: the topic changes without a broadcast, has no key, and its snapshot reads nothing that may hang."""
    if poll:
        polled.add(name)
    topic_types[name] = TopicType(snapshot, personal, allows, versions)


@lru_cache(maxsize=256)
def parse(query: str) -> tuple[str, ...]:
    """The topics in ``topic=post.1&topic=feed``: the same object for the same query. Raises `BadTopics`."""
    try:
        topics = tuple(dict.fromkeys(parse_qs(query, max_num_fields=MAX_TOPICS).get("topic", [])))
    except ValueError as error:
        raise BadTopics(f"Watch at most {MAX_TOPICS} topics.") from error
    for topic in topics:
        match = TOPIC.fullmatch(topic)
        if not match or match[1] not in topic_types:
            raise BadTopics("No such topic.")
    return topics


def needs_permission(topics: Iterable[str]) -> bool:
    """Is there a topic that not everybody may watch?"""
    return any(topic_types[topic.partition(".")[0]].allows for topic in topics)


def permit(visitor: str | None, topics: Iterable[str]) -> None:
    """Raises `Refused` unless this visitor may watch all of them. Reads the database only if
    `needs_permission`."""
    for topic in topics:
        name, _, key = topic.partition(".")
        allows = topic_types[name].allows
        if allows and not allows(visitor, key):
            raise Refused("You may not watch this.")


def snapshot(topics: Iterable[str]) -> list[Event]:
    """The state of all topics now, one call for each type."""
    return [e for found, keys in _by_type(topics) for e in found.snapshot([*keys])]


def newer(known: Mapping[str, int]) -> list[Event]:
    """The state of the topics whose version is higher than the known one, or that have ended."""
    found: list[Event] = []
    for topic_type, keys in _by_type(known):
        if topic_type.versions:
            now = topic_type.versions([*keys])
            keys = {k: topic for k, topic in keys.items() if now.get(k, LAST_VERSION) > known[topic]}
        found += topic_type.snapshot([*keys]) if keys else ()
    return found


def states(unknown: Iterable[str], visitors: list[str], watched: Iterable[str]) -> list[Event]:
    """What sockets need when they join: the state of the unknown topics, and what only these visitors may see of the
    watched ones, with the public state that it belongs to."""
    events = snapshot(unknown)  # first: the count that is read together with a like is newer, and comes later
    return events + [
        e for t, keys in _by_type(watched) if t.personal and visitors for e in t.personal(visitors, [*keys])
    ]


def _by_type(topics: Iterable[str]) -> Iterable[tuple[TopicType, dict[str, str]]]:
    """For each type the keys, and the topic of each."""
    found: dict[str, dict[str, str]] = {}
    for topic in topics:
        name, _, key = topic.partition(".")
        found.setdefault(name, {})[key] = topic
    return [(topic_types[name], keys) for name, keys in found.items()]


def personal_topic(visitor: str) -> str:
    """The topic of all pages of this visitor and of nobody else: the pattern `TOPIC` excludes it from queries."""
    return f"visitor:{visitor}"


def frame(states: Mapping[str, str]) -> str:
    """``{"post.12": {"v": 7, "count": 5}, …}`` from names and their rendered states."""
    return "{" + ",".join([f'"{name}":{state}' for name, state in states.items()]) + "}"
