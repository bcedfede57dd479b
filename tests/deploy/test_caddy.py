"""deploy/Caddyfile with Debian's Caddy, in front of daphne and uvicorn: over TLS, as a visitor sees it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.site import JSON, Site, client, count, failed_sign_in, open_socket, succeeds
from tests.live import ROOT, free_port, until
from tests.prometheus import program

FILE = ROOT / "deploy/Caddyfile"
OPTIONS = "{\n admin off\n skip_install_trust\n auto_https disable_redirects\n}\n"
VISITOR = "127.0.31.1"


class Caddy:
    def __init__(self, folder: Path, site: Site) -> None:
        self.folder, self.port = folder, free_port()
        self.host = f"localhost:{self.port}"
        self.url = f"https://localhost:{self.port}"
        (folder / "Caddyfile").write_text(OPTIONS + FILE.read_text())
        (folder / "static").symlink_to(site.static)
        webs = " ".join(f"127.0.0.1:{port}" for port in site.webs.values())
        names = {"REDHEART_HOST": self.host, "REDHEART_WEB": webs, "REDHEART_STATIC": str(folder)}
        folders = {"XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
        self.env = {**os.environ, **names, **folders}

    def start(self) -> subprocess.Popen[bytes]:
        command = [program("caddy"), "run", "--config", "Caddyfile", "--adapter", "caddyfile"]
        with (self.folder / "caddy.log").open("wb") as log:
            return subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=log, stderr=log)


@pytest.fixture(scope="module")
def caddy(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caddy]:
    caddy = Caddy(tmp_path_factory.mktemp("caddy"), site)
    process = caddy.start()
    try:
        until(lambda: responds(caddy), lambda: (caddy.folder / "caddy.log").read_text())
        yield caddy
    finally:
        process.terminate()
        process.wait(60)


def responds(caddy: Caddy) -> bool:
    from contextlib import suppress

    import httpx

    with suppress(httpx.HTTPError), client(caddy.url, host=caddy.host) as visitor:
        return visitor.get("/").status_code == 200
    return False


def test_the_file_is_valid_and_formatted() -> None:
    command = [program("caddy"), "validate", "--config", str(FILE), "--adapter", "caddyfile"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert '"level":"warn"' not in done.stderr, done.stderr
    assert subprocess.check_output([program("caddy"), "fmt", FILE], text=True).strip() == FILE.read_text().strip()


def test_a_click_over_tls_is_seen_on_the_sockets_of_both_web_processes(site: Site, caddy: Caddy) -> None:
    with open_socket(site.daphne, tls=False) as one, open_socket(site.uvicorn, tls=False) as two:
        with open_socket(caddy.port, tls=True, source=VISITOR, host="localhost") as three:
            before = [count(page, lambda _: True) for page in (one, two, three)][0]
            with client(caddy.url, source=VISITOR, host=caddy.host) as visitor:
                origin = {"origin": caddy.url, "sec-fetch-site": "same-origin"}
                liked = visitor.post("/posts/1/like/", data={"liked": "1"}, headers={**JSON, **origin})
            assert liked.status_code == 202
            for page in (one, two, three):
                assert count(page, lambda number: number > before) == before + 1


def test_the_site_knows_the_address_of_the_visitor_whatever_the_visitor_says(site: Site, caddy: Caddy) -> None:
    forged = {"x-forwarded-for": "203.0.113.78", "x-forwarded-proto": "http"}
    with client(caddy.url, source=VISITOR, host=caddy.host, headers=forged) as visitor:
        failed_sign_in(visitor, "behind-caddy")
    line = f"account 'behind-caddy' from {VISITOR}"
    until(lambda: line in site.output("daphne") + site.output("uvicorn"), lambda: site.output("uvicorn"))


def test_static_files_come_from_the_folder_and_browsers_keep_them(caddy: Caddy) -> None:
    with client(caddy.url, host=caddy.host) as visitor:
        [style] = re.findall(r"/static/css/redheart\.\w+\.css", visitor.get("/").text)
        file = visitor.get(style)
        assert file.status_code == 200 and file.headers["content-type"].startswith("text/css")
        assert file.headers["content-encoding"] == "gzip"
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert visitor.get("/static/css/nowhere.0123456789ac.css").status_code == 404
        assert "immutable" not in visitor.get("/static/css/redheart.css").headers["cache-control"]


@pytest.mark.parametrize("path", ["/healthz/", "/readyz/", "/livez/", "/metrics"])
def test_health_and_metrics_are_not_public(site: Site, caddy: Caddy, path: str) -> None:
    with client(caddy.url, host=caddy.host) as visitor:
        assert visitor.get(path).status_code == 404
    assert succeeds(f"http://127.0.0.1:{site.daphne}/livez/")
