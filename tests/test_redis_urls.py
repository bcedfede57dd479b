"""``rediss://``: broker, results, locks and broadcasts over TLS, with a checked certificate."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from project import env as project_env
from tests import tls
from tests.live import ROOT, free_port, until

USE_EVERYTHING = """
import django; django.setup()
from channels.layers import get_channel_layer
from core.redis import redis
from live.broadcast import broadcast
from live.topics import event
from project.celery import app
redis().ping()
app.send_task("nothing", queue="likes", retry=False)
app.backend.client.ping()
print(broadcast([event("feed", 1, {})]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    """The address of a Redis that speaks TLS only; nobody has signed its certificate."""
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if not binary:
        pytest.skip("no redis-server with TLS on this machine")
    port = free_port()
    tls.context(folder)
    file = str(folder / "certificate.pem")
    options = {"port": "0", "tls-port": str(port), "tls-auth-clients": "no", "save": "", "dir": str(folder)}
    options |= {"tls-cert-file": file, "tls-key-file": file, "tls-ca-cert-file": file}
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([binary, *arguments], stdout=log, stderr=log)
    try:
        until(lambda: "Ready to accept" in (folder / "log").read_text(), lambda: (folder / "log").read_text())
        yield f"rediss://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait(60)


def use(url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "ENV_FILE": os.devnull, "REDIS_URL": url}
    env |= {"DJANGO_SETTINGS_MODULE": "project.settings"}
    return subprocess.run([sys.executable, "-c", USE_EVERYTHING], cwd=ROOT, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("option", ["ssl_cert_reqs=none", "ssl_cert_reqs=CERT_NONE"])
def test_everything_works_over_tls(server: str, option: str, tmp_path: Path) -> None:
    result = use(f"{server}?{option}", tmp_path)
    assert result.stdout == "True\n", result.stderr


@pytest.mark.parametrize("query", ["", "?ssl_cert_reqs=required", "?ssl_cert_reqs=CERT_REQUIRED"])
def test_the_certificate_is_checked(server: str, query: str, tmp_path: Path) -> None:
    result = use(f"{server}{query}", tmp_path)
    assert "certificate verify failed" in result.stderr and not result.stdout


def test_a_certificate_can_be_trusted_by_its_file(server: str, folder: Path, tmp_path: Path) -> None:
    result = use(f"{server}?ssl_ca_certs={folder}/certificate.pem&ssl_check_hostname=false", tmp_path)
    assert result.stdout == "True\n", result.stderr


@pytest.mark.parametrize("url", ["redis://h:1/2", "unix:///a/b.sock", "redis://u:p%40@h/0"])
def test_other_urls_stay_as_they_are(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    assert project_env.redis_url("REDIS_URL", "", "unix") == url


def test_a_list_of_servers_is_read_and_a_wrong_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROADCAST_REDIS_URLS", "redis://a:1, rediss://b:2")
    assert project_env.redis_urls("BROADCAST_REDIS_URLS") == ["redis://a:1", "rediss://b:2?ssl_cert_reqs=required"]
    monkeypatch.setenv("BROADCAST_REDIS_URLS", "redis://a:1,http://b")
    with pytest.raises(ImproperlyConfigured, match="BROADCAST_REDIS_URLS must start with one of redis://"):
        project_env.redis_urls("BROADCAST_REDIS_URLS")
