"""What a lesson returns: one figure in a sentence, and the charts and tables that show where it comes from. Kept as
JSON, and translated when it is shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from django.utils.translation import gettext, gettext_noop


class Text(NamedTuple):
    """``message`` is marked for translation with `gettext_noop`; ``values`` fill its ``%(name)s``."""

    message: str
    values: dict[str, Any] = {}

    def __str__(self) -> str:
        return gettext(self.message) % self.values if self.values else gettext(self.message)


class Bar(NamedTuple):
    """One piece of work on a timeline: what it is called, in which row, and from when to when, in seconds."""

    row: str
    label: str
    start: float
    end: float
    style: str  # "short", "long", "waiting", "failed", "skipped"


class Timeline(NamedTuple):
    title: Text
    bars: list[Bar]


class Columns(NamedTuple):
    """A number for each of some names, as bars side by side."""

    title: Text
    unit: str
    values: list[tuple[str | Text, float]]


class Table(NamedTuple):
    title: Text
    head: list[Text]
    rows: list[list[str | Text]]


class Alimtalk(NamedTuple):
    """A message of Kakao Alimtalk as a phone shows it."""

    sender: str
    to: str
    text: str
    button: str
    url: str


@dataclass(frozen=True)
class Result:
    figure: Text
    timelines: list[Timeline] = field(default_factory=list)
    columns: list[Columns] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    alimtalks: list[Alimtalk] = field(default_factory=list)
    texts: list[tuple[Text, str]] = field(default_factory=list)  # what a program printed, each with its title

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Result:
        """What `to_json` returned, after JSON has made lists of all tuples."""
        return cls(
            figure=Text(*data["figure"]),
            timelines=[Timeline(Text(*title), [Bar(*bar) for bar in bars]) for title, bars in data["timelines"]],
            columns=[
                Columns(Text(*title), unit, [(_cell(name), value) for name, value in values])
                for title, unit, values in data["columns"]
            ],
            tables=[
                Table(Text(*title), [Text(*cell) for cell in head], [[_cell(cell) for cell in row] for row in rows])
                for title, head, rows in data["tables"]
            ],
            alimtalks=[Alimtalk(*each) for each in data["alimtalks"]],
            texts=[(Text(*title), text) for title, text in data["texts"]],
        )


def _cell(cell: str | list[Any]) -> str | Text:
    return cell if isinstance(cell, str) else Text(*cell)


MEASURED = [Text(gettext_noop("Measured")), Text(gettext_noop("Result"))]  # the head of a table of two columns
