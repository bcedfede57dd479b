"""One word for one thing, the word of the field: names contain none of the words that the vocabulary replaces."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import ROOT

REPLACED = {
    "door": "like endpoint, group commit",
    "ask asks asked asking": "enqueue (a task), query (the database), request confirmation (of an address)",
    "owed unasked": "pending, not enqueued",
    "tell tells told telling": "notify, describe",
    "kind kinds": "notification type, topic type, format",
    "place places": "destination",
    "said": "response (of the other side), text, output",
    "tries": "attempts",
    "expose exposed exposes taken": "mark_handed_over, LeaseLost",
    "loud": "alert level",
    "habits wish wishes": "notification settings, preference",
    "mine own": "personal",
    "guard guarded": "ssrf, needs permission",
    "team outward backstage": "permissions, destinations, views",
}
INSTEAD = {word: instead for words, instead in REPLACED.items() for word in words.split()}
MODULES = {"guard", "store", "team", "reader", "newest", "outward", "windows", "quiet", "backstage", "words", "origin"}
FOLDERS = (
    "core",
    "live",
    "outbox",
    "accounts",
    "likes",
    "feedback",
    "notifications",
    "embed",
    "monitor",
    "project",
    "examples",
    "tests",
    "bench",
)
SOURCES = [p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py") if not {"migrations", "peers"} & {*p.parts}]
SCRIPTS = sorted((ROOT / "static/js").glob("*.js"))
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def names(path: Path) -> Iterator[str]:
    """The names that a module gives: to functions, classes, arguments, variables and attributes."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def script_names(path: Path) -> Iterator[str]:
    for declared in re.findall(r"\b(?:const|let|function)\s+(\w+|\{[^}]*\}|[\w\s=,.'\"`()]*?;)", path.read_text()):
        yield from re.findall(r"[A-Za-z]\w*", declared)


def replaced(found: Iterator[str]) -> list[str]:
    words = {name: [w for w in WORD.findall(name) if w.lower() in INSTEAD] for name in {*found}}
    return [f"{name}: not {w.lower()!r} but {INSTEAD[w.lower()]}" for name in sorted(words) for w in words[name]]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_in_python_use_the_vocabulary(path: Path) -> None:
    assert replaced(names(path)) == []
    assert path.stem not in MODULES


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_names_in_scripts_use_the_vocabulary(path: Path) -> None:
    assert replaced(script_names(path)) == []


def test_push_means_web_push_alone() -> None:
    used = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        if path.relative_to(ROOT).parts[0] in ("core", "live", "outbox", "likes", "feedback")
        for name in names(path)
        if "push" in map(str.lower, WORD.findall(name))
    }
    assert used == set()


def test_the_check_finds_what_it_looks_for() -> None:
    assert (
        replaced(iter(["ask_again", "toldAt", "MyPlace"])) != [] and replaced(iter(["replace", "task", "kindle"])) == []
    )
