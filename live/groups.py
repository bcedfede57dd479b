"""Which group of the channel layer carries a topic, and which Redis server carries the group.

A web process receives only the groups that its pages need. All processes must agree on `GROUPS` and on the servers.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

from django.conf import settings

GROUPS = 65_536  # more than a web process watches topics: with fewer, it would get much that it does not need
EVERYBODY = "live"  # every web process is in this group of each server


class Group(NamedTuple):
    server: str  # a key of CHANNEL_LAYERS
    name: str


def servers() -> list[str]:
    return [*settings.CHANNEL_LAYERS]


@lru_cache(maxsize=GROUPS)
def group_of(topic: str) -> Group:
    """The group of a topic: always the same one."""
    number = crc32(topic.encode()) % GROUPS
    return Group(servers()[number % len(servers())], f"live.{number}")
