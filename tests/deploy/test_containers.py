"""deploy/Dockerfile and deploy/compose.yaml: valid, complete, and with the same processes as the Procfile."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live import ROOT
from tests.prometheus import program
from tests.test_rules import APPS

COMPOSE = ROOT / "deploy/compose.yaml"
SETTINGS = {"ALLOWED_HOSTS": "redheart.example", "POSTGRES_PASSWORD": "secret"}
LINES = (ROOT / "deploy/Dockerfile").read_text().replace("\\\n", " ").splitlines()
PROCESSES = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())


def instructions(name: str) -> list[str]:
    return [line.removeprefix(f"{name} ") for line in LINES if line.startswith(f"{name} ")]


def compose(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """What `docker-compose config` says about a copy beside which there is an `.env`."""
    (folder / "deploy").mkdir()
    shutil.copy(COMPOSE, folder / "deploy/compose.yaml")
    (folder / "deploy/.env").touch()
    command = [program("docker-compose"), "-f", "compose.yaml", "config"]
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), **env}
    return subprocess.run(command, cwd=folder / "deploy", env=variables, capture_output=True, text=True)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    done = compose(tmp_path_factory.mktemp("compose"), **SETTINGS)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return found


@pytest.mark.parametrize("missing", SETTINGS)
def test_compose_says_what_must_be_set(tmp_path: Path, missing: str) -> None:
    done = compose(tmp_path, **{name: value for name, value in SETTINGS.items() if name != missing})
    assert done.returncode != 0
    assert f"Set {missing} in .env" in done.stderr


def test_compose_runs_the_processes_of_the_procfile(services: dict[str, Any]) -> None:
    commands = {name: service["command"] for name, service in services.items() if service.get("image") == "redheart"}
    assert commands.pop("prepare") == "python manage.py prepare"
    assert commands.pop("web-1") == commands.pop("web-2") == PROCESSES["web"]
    assert commands == {name: line for name, line in PROCESSES.items() if name not in ("web", "redis")}


def test_every_process_waits_until_the_database_is_prepared_and_starts_again(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if service.get("image") == "redheart" and name != "prepare":
            assert service["depends_on"] == {"prepare": {"condition": "service_completed_successfully"}}
            assert service["restart"] == "unless-stopped"
    assert services["prepare"]["restart"] == "no"
    assert set(services["prepare"]["depends_on"]) == {"database", "redis"}


def test_only_the_proxy_can_be_reached_and_it_alone_is_trusted(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["caddy"]
    subnet = ip_network(yaml.safe_load(COMPOSE.read_text())["networks"]["default"]["ipam"]["config"][0]["subnet"])
    for name in ("web-1", "web-2"):
        assert ip_network(services[name]["environment"]["TRUSTED_PROXIES"]) == subnet


def test_a_process_without_a_web_page_is_unhealthy_unless_it_reports_itself(services: dict[str, Any]) -> None:
    for name in ("worker-likes", "worker-mail", "worker-deliveries", "beat"):
        assert services[name]["healthcheck"]["test"] == ["CMD", "python", "-m", "core.processes"]


def test_images_have_versions() -> None:
    images = [line.split()[0] for line in instructions("FROM")]
    images += [image for image in re.findall(r"image: (\S+)", COMPOSE.read_text()) if image != "redheart"]
    assert len(images) == 5
    assert [image for image in images if not re.search(r":\d", image)] == []


def test_the_image_has_all_that_runs_and_runs_as_a_user_without_rights() -> None:
    copied = {source for line in instructions("COPY") if "--from" not in line for source in line.split()[:-1]}
    assert {source for source in copied if not (ROOT / source).exists()} == set()
    assert set(APPS) | {"static", "manage.py", "Procfile"} <= copied
    assert instructions("USER") == ["redheart"]
    assert any("useradd" in line for line in instructions("RUN"))
    assert all("--require-hashes" in line for line in instructions("RUN") if "pip install" in line)


def test_nothing_else_is_sent_to_the_builder() -> None:
    first, *kept = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    copied = {source for line in instructions("COPY") if "--from" not in line for source in line.split()[:-1]}
    assert first == "*"
    assert {line[1:] for line in kept if line.startswith("!")} == copied
