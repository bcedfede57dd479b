"""What can be watched live. An app declares its topics in its own ``topics.py``.

A topic is ``<kind>`` or ``<kind>.<key>``, say ``feed`` or ``post.12``. What travels is an `Event`: the absolute state
of one name, with a version; whoever has seen that version or a later one ignores it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs

MOST = 250  # topics on one page
LAST_VERSION = 2**53 - 1  # of what changes no more: the largest integer that JavaScript can hold
TOPIC = re.compile(r"([a-z]+)(?:\.([A-Za-z0-9_-]{1,64}))?")


class Event(NamedTuple):
    topic: str  # who watches this
    name: str  # what it is about, as the page knows it
    version: int
    state: str  # JSON object, with the version in "v"


def event(topic: str, version: int, data: dict[str, Any], *, name: str = "") -> Event:
    return Event(topic, name or topic, version, json.dumps({"v": version, **data}, separators=(",", ":")))


@dataclass(frozen=True)
class Kind:
    snapshot: Callable[[list[str]], Iterable[Event]]
    mine: Callable[[list[str], list[str]], Iterable[Event]] | None
    allows: Callable[[str | None, str], bool] | None


class BadTopics(ValueError):
    """A query that no page of ours sends."""


class Refused(BadTopics):
    """A topic that this visitor may not watch."""


kinds: dict[str, Kind] = {}


def declare(
    kind: str,
    *,
    snapshot: Callable[[list[str]], Iterable[Event]],
    mine: Callable[[list[str], list[str]], Iterable[Event]] | None = None,
    allows: Callable[[str | None, str], bool] | None = None,
) -> None:
    """``snapshot(keys)`` gives the present state; ``mine(visitors, keys)`` what only these visitors should know of it;
    ``allows(visitor, key)`` says who may watch, None: all."""
    kinds[kind] = Kind(snapshot, mine, allows)


@lru_cache(maxsize=1024)
def asked(query: str) -> tuple[str, ...]:
    """The topics in ``topic=post.1&topic=feed``, one object for all pages that ask the same. Raises `BadTopics`."""
    try:
        topics = tuple(dict.fromkeys(parse_qs(query, max_num_fields=MOST).get("topic", [])))
    except ValueError as error:
        raise BadTopics(f"Ask for at most {MOST} topics.") from error
    for topic in topics:
        match = TOPIC.fullmatch(topic)
        if not match or match[1] not in kinds:
            raise BadTopics("No such topic.")
    return topics


def guarded(topics: Iterable[str]) -> bool:
    """Is there a topic that not everybody may watch?"""
    return any(kinds[topic.partition(".")[0]].allows for topic in topics)


def permit(visitor: str | None, topics: Iterable[str]) -> None:
    """Raises `Refused` unless this visitor may watch all of them. May read the database where `guarded`."""
    for topic in topics:
        kind, _, key = topic.partition(".")
        allows = kinds[kind].allows
        if allows and not allows(visitor, key):
            raise Refused("You may not watch this.")


def snapshot(topics: Iterable[str]) -> list[Event]:
    """The state of all topics now, one call for each kind."""
    return [e for kind, keys in _by_kind(topics) for e in kind.snapshot(keys)]


def mine(visitors: list[str], topics: Iterable[str]) -> list[Event]:
    """What these visitors alone should know of these topics, and the state that it belongs to."""
    return [e for kind, keys in _by_kind(topics) if kind.mine and visitors for e in kind.mine(visitors, keys)]


def states(unknown: Iterable[str], visitors: list[str], watched: Iterable[str]) -> list[Event]:
    """What some sockets that join need to hear: the state of what is unknown, and what is theirs."""
    return [*snapshot(unknown), *mine(visitors, watched)]


def _by_kind(topics: Iterable[str]) -> Iterable[tuple[Kind, list[str]]]:
    keys: dict[str, list[str]] = {}
    for topic in topics:
        kind, _, key = topic.partition(".")
        keys.setdefault(kind, []).append(key)
    return [(kinds[kind], wanted) for kind, wanted in keys.items()]


def personal(visitor: str) -> str:
    """The topic that only this visitor's own pages get; no page can ask for it."""
    return f"visitor:{visitor}"


def frame(states: Mapping[str, str]) -> str:
    """``{"post.12": {"v": 7, "count": 5}, …}`` from names and their rendered states."""
    return "{" + ",".join([f'"{name}":{state}' for name, state in states.items()]) + "}"
