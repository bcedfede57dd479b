"""``python -m live.servers.daphne``: where the web process listens."""

from __future__ import annotations

import pytest
from daphne.cli import CommandLineInterface
from django.conf import settings
from pytest_django import Settings

from live.servers.daphne import Command

APPLICATION = "project.asgi:application"


def options(monkeypatch: pytest.MonkeyPatch, *given: str) -> list[str]:
    """The options that daphne gets, without those that are always the same."""
    found: list[list[str]] = []
    monkeypatch.setattr(CommandLineInterface, "run", lambda self, args: found.append(args))
    monkeypatch.setattr(CommandLineInterface, "load_asgi_app", lambda self, path: None)  # has been imported
    Command().run([*given, APPLICATION])
    [[*first, last]] = found
    assert (first[:2], last) == (["-v", "0"], APPLICATION)
    return first[2:]


def test_it_listens_on_listen_and_port_of_the_settings(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.LISTEN, settings.PORT = "10.0.0.3", 8001
    assert options(monkeypatch) == ["-b", "10.0.0.3", "-p", "8001"]


@pytest.mark.parametrize("given", [["--fd", "0"], ["-p", "0"], ["-p", "9000"], ["-b", "::1"], ["-u", "/run/web.sock"]])
def test_an_address_in_the_options_comes_first(monkeypatch: pytest.MonkeyPatch, given: list[str]) -> None:
    assert options(monkeypatch, *given) == given


def test_by_default_it_listens_on_this_machine_only() -> None:
    assert (settings.LISTEN, settings.PORT) == ("127.0.0.1", 8000)
