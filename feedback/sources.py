"""Where messages and ratings come from. An app that accepts them from elsewhere declares the names of its sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from feedback.models import Message

Names = Callable[[Iterable[str]], Mapping[str, str]]
_declared: list[Names] = []


def declare(names: Names) -> None:
    """``names`` returns a name for each source that it knows."""
    _declared.append(names)


def names_of(sources: Iterable[str]) -> dict[str, str]:
    """The names for people. A source that no app knows any more, such as a deleted site, is called by itself."""
    wanted = {source for source in sources if source}
    found = {source: source for source in sorted(wanted)}
    for names in _declared:
        found |= names(wanted)
    return found


def name_sources(messages: Iterable[Message]) -> None:
    """Sets the ``source_name`` of each message."""
    listed = list(messages)
    names = names_of(message.source for message in listed)
    for message in listed:
        message.source_name = names.get(message.source, "")
