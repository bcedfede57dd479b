"""The newest state of every topic that some page watches: what the hub knows, and what it has still to tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from live.sockets import Page
from live.topics import Event

EARLY = 1000  # visitors whose last news is kept for the socket that is about to join with their new cookie
States = dict[str, tuple[int, str]]  # version and state by name
Changes = Mapping[str, set[str]]  # names by topic


class Newest:
    def __init__(self) -> None:
        self.watchers: dict[str, set[Page]] = defaultdict(set)
        self.topics: dict[str, States] = {}
        self.known: set[str] = set()  # topics whose whole state is here
        self.early: dict[str, States] = {}
        self.changed: dict[str, set[str]] = defaultdict(set)

    def open(self, page: Page) -> None:
        for topic in page:
            self.watchers[topic].add(page)
            if topic in self.early:
                self.topics[topic] = self.early.pop(topic)

    def close(self, page: Page) -> None:
        for topic in page:
            self.watchers[topic].discard(page)
            if not self.watchers[topic]:
                del self.watchers[topic]
                self.topics.pop(topic, None)
                self.known.discard(topic)

    def take(self, events: Iterable[Event]) -> None:
        for topic, name, version, state in events:
            if topic in self.watchers:
                self._keep(topic, name, version, state)
            elif ":" in topic:
                self._keep_early(topic, name, version, state)

    def _keep(self, topic: str, name: str, version: int, state: str) -> None:
        states = self.topics.setdefault(topic, {})
        known = states.get(name)
        # Of two with one version the fuller counts: a snapshot that overtakes the push lacks the click's journey.
        if known is None or (known[0], len(known[1])) < (version, len(state)):
            states[name] = (version, state)
            self.changed[topic].add(name)

    def _keep_early(self, topic: str, name: str, version: int, state: str) -> None:
        self.early.setdefault(topic, {})[name] = (version, state)
        if len(self.early) > EARLY:
            del self.early[next(iter(self.early))]

    def changes(self) -> Changes:
        """What has changed since the last time."""
        changed, self.changed = self.changed, defaultdict(set)
        return changed

    def own_changes(self) -> Changes:
        """The same, only of what became of visitors' own clicks."""
        return {topic: self.changed.pop(topic) for topic in [*self.changed] if ":" in topic}

    def states(self, topic: str, names: Iterable[str] | None = None) -> dict[str, str]:
        found = self.topics.get(topic, {})
        return {name: found[name][1] for name in (found if names is None else names) if name in found}

    def pages(self, changes: Changes) -> dict[Page, dict[str, str]]:
        """What each page should hear of these changes."""
        found: dict[Page, dict[str, str]] = defaultdict(dict)
        for topic, names in changes.items():
            new = self.states(topic, names)
            for page in self.watchers.get(topic, ()):
                found[page].update(new)
        return found
