"""The rules of the code, as far as a program can check them."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.live import ROOT

MAY_IMPORT = {
    "core": set(),
    "live": {"core"},
    "outbox": {"core"},
    "accounts": {"notifications", "outbox", "live", "core"},
    "notifications": {"outbox", "live", "core"},
    "likes": {"notifications", "outbox", "live", "core"},
    "feedback": {"notifications", "outbox", "live", "core"},
    "embed": {"likes", "feedback", "notifications", "outbox", "live", "core"},
    "monitor": {"likes", "feedback", "notifications", "outbox", "live", "core"},
    "project": {"accounts", "monitor", "embed", "likes", "feedback", "notifications", "outbox", "live", "core"},
}
APPS = tuple(MAY_IMPORT)
ORDER = ("models", "tasks", "services", "views", "urls")
SOURCES = [path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]
TEMPLATES = [path for app in APPS for path in (ROOT / app).rglob("templates/**/*.html")]


def module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path): path for path in SOURCES}


def layer(name: str) -> int | None:
    """Where a module stands in ORDER: by the nearest part of its name, so that no module of a package escapes."""
    return next((ORDER.index(part) for part in reversed(name.split(".")) if part in ORDER), None)


def imports(path: Path, *, at_start: bool = False) -> set[str]:
    """The modules of ours that a module imports; ``at_start``: only those that it needs in order to be imported."""
    tree = ast.parse(path.read_text())
    nodes = list(_at_start(tree.body)) if at_start else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & MODULES.keys()) or {node.module}
            if len(names & MODULES.keys()) < len(names):
                found.add(node.module)
    return found & MODULES.keys()


def _at_start(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _at_start(node.body)
        yield node


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way_between_apps(path: Path) -> None:
    app = path.relative_to(ROOT).parts[0]
    used = {name.split(".")[0] for name in imports(path)}
    assert used <= MAY_IMPORT[app] | {app}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way_inside_an_app(path: Path) -> None:
    app, here = path.relative_to(ROOT).parts[0], layer(module(path))
    if here is not None:
        above = {name for name in imports(path) if name.split(".")[0] == app and (layer(name) or 0) > here}
        assert above == set()


def test_no_module_needs_itself_in_order_to_be_imported() -> None:
    graph = {name: imports(path, at_start=True) - {name} for name, path in MODULES.items()}
    list(TopologicalSorter(graph).static_order())  # raises CycleError with the circle


def test_only_one_module_sends_to_the_channel_layer() -> None:
    senders = {str(path.relative_to(ROOT)) for path in SOURCES if "group_send" in path.read_text()}
    assert senders == {"live/broadcast.py"}


HTMX_2 = [
    r"\bhx-ext\b",
    r"\bws-connect\b",
    r"\bhx-disabled-elt\b",
    r"\bhx-on\b",
    r"\bjs:",
    r"htmx:[a-z]+[A-Z]",
    r"<body[^>]*\shx-(headers|target|swap|boost)=",
    r"HX-Trigger-After",
    r"\{%\s*htmx_script",
    r"\shx-(vars|params|history|request|prompt)=",
    r"hx-trigger=\"[^\"]*\[",
    r"<script(?![^>]*\ssrc=)",
    r"<style",
    r"\sstyle=",
    r"\son[a-z]+=",
    r"(?<!help_text)\|safe\b",
]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_have_no_inline_script_and_nothing_of_htmx_2(path: Path) -> None:
    text = path.read_text()
    allowed = {"<style"} if path.parent.name == "mail" else set()  # no stylesheet arrives with an email
    assert [pattern for pattern in HTMX_2 if re.search(pattern, text) and pattern not in allowed] == []


def test_the_check_for_inline_script_finds_it() -> None:
    for bad in ('<a hx-on:click="x">', "<script>1</script>", '<p style="x">', '<a onclick="x">', "{{ x|safe }}"):
        assert any(re.search(pattern, bad) for pattern in HTMX_2), bad


def test_scripts_never_parse_what_arrives_as_html() -> None:
    for path in (ROOT / "static" / "js").glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function", path.read_text()), (
            path.name
        )


def test_vendored_files_are_the_published_ones() -> None:
    rows = re.findall(r"^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$", (ROOT / "static/vendor/VERSIONS.md").read_text(), re.M)
    assert len(rows) == 2
    for name, digest in rows:
        assert hashlib.sha256((ROOT / "static/vendor" / name).read_bytes()).hexdigest() == digest


def test_nothing_is_loaded_from_another_host() -> None:
    for path in [*TEMPLATES, *(ROOT / "static").rglob("*.css"), *(ROOT / "static/js").glob("*.js")]:
        urls = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//[^\"')\s]+", path.read_text())
        assert urls == [], path


def test_every_function_says_its_types() -> None:
    bare = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is None:
                bare.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert bare == []


def test_every_setting_from_the_environment_is_documented() -> None:
    names = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "project/settings.py").read_text()))
    documented = (ROOT / "docs/settings.md").read_text()
    assert len(names) > 5
    assert [name for name in sorted(names) if f"`{name}`" not in documented] == []
