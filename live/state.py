"""What the hub knows: the newest state of every topic that is watched, and what has changed since the last frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from live.sockets import TopicSet
from live.topics import LAST_VERSION, Event

MAX_EARLY = 1000  # visitors whose personal events are kept until the socket with their new cookie joins
States = dict[str, tuple[int, str]]  # version and state by name
Changes = Mapping[str, set[str]]  # names by topic


class LiveState:
    def __init__(self) -> None:
        self.watchers: dict[str, set[TopicSet]] = defaultdict(set)
        self.topics: dict[str, States] = {}
        self.known: set[str] = set()  # topics whose whole state is here
        self.early: dict[str, States] = {}
        self.changed: dict[str, set[str]] = defaultdict(set)

    def open(self, topic_set: TopicSet) -> None:
        for topic in topic_set:
            self.watchers[topic].add(topic_set)
            if topic in self.early:
                self.topics[topic] = self.early.pop(topic)

    def public_topics(self) -> dict[str, int]:
        """What is watched, and the version that is known: -1 if none is."""
        return {topic: self._version(topic) for topic in self.watchers if ":" not in topic}

    def _version(self, topic: str) -> int:
        return self.topics.get(topic, {}).get(topic, (-1, ""))[0]

    def close(self, topic_set: TopicSet) -> None:
        for topic in topic_set:
            self.watchers[topic].discard(topic_set)
            if not self.watchers[topic]:
                del self.watchers[topic]
                self.topics.pop(topic, None)
                self.known.discard(topic)

    def take(self, events: Iterable[Event]) -> None:
        for topic, name, version, state, _ in events:
            if topic in self.watchers:
                self._keep(topic, name, version, state)
            elif ":" in topic:
                self.early.setdefault(topic, {})[name] = (version, state)
                if len(self.early) > MAX_EARLY:
                    del self.early[next(iter(self.early))]

    def _keep(self, topic: str, name: str, version: int, state: str) -> None:
        states = self.topics.setdefault(topic, {})
        known = states.get(name)
        # Same version: keep the longer state. A snapshot lacks the journey of the click, which a broadcast has.
        if known is None or (known[0], len(known[1])) < (version, len(state)):
            states[name] = (version, state)
            self.changed[topic].add(name)

    def changes(self) -> Changes:
        """What has changed since the last call."""
        changed, self.changed = self.changed, defaultdict(set)
        return changed

    def personal_changes(self) -> Changes:
        """The same, only the outcomes of visitors' own clicks."""
        return {topic: self.changed.pop(topic) for topic in [*self.changed] if ":" in topic}

    def states(self, topic: str, names: Iterable[str] | None = None) -> dict[str, str]:
        found = self.topics.get(topic, {})
        return {name: found[name][1] for name in (found if names is None else names) if name in found}

    def has_ended(self, topic: str) -> bool:
        """Will the topic never change? It has no state at all, or the last one, as a deleted post has."""
        return all(version == LAST_VERSION for version, _ in self.topics.get(topic, {}).values())

    def by_topic_set(self, changes: Changes) -> dict[TopicSet, dict[str, str]]:
        """These changes, as each set of topics watches them."""
        found: dict[TopicSet, dict[str, str]] = defaultdict(dict)
        for topic, names in changes.items():
            new = self.states(topic, names)
            for topic_set in self.watchers.get(topic, ()):
                found[topic_set].update(new)
        return found
