"""deploy/nginx.conf with Debian's nginx, in front of daphne and uvicorn: over TLS, as a visitor sees it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count as numbers
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from tests import tls
from tests.deploy.site import HOST, JSON, NEW_FILE, Site, client, count, failed_sign_in, open_socket
from tests.live import ROOT, free_port, until
from tests.prometheus import program

CONFIG = (ROOT / "deploy/nginx.conf").read_text()
MAIN = """
daemon off; {user} worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ }}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/redheart.conf;
}}
"""
USER = "user root;" if os.geteuid() == 0 else ""  # only root can set it
VISITOR, OTHER_VISITOR = "127.0.21.1", "127.0.22.1"  # addresses of this machine that are no proxies
folders = numbers(1)


class Nginx:
    """With the file of deploy/, but with ports, a certificate and a folder of this test."""

    def __init__(self, folder: Path, *webs: int) -> None:
        self.folder, self.http, self.https = folder, free_port(), free_port()
        tls.context(folder)
        config = re.sub(r"listen \[::\].*", "", CONFIG)
        config = config.replace("listen 80;", f"listen 127.0.0.1:{self.http};")
        config = config.replace("listen 443 ", f"listen 127.0.0.1:{self.https} ")
        config = re.sub(r"/etc/letsencrypt/\S+\.pem", f"{folder}/certificate.pem", config)
        config = config.replace("/var/log/nginx/redheart.log", f"{folder}/access.log")
        for example, port in zip(("8001", "8002"), webs, strict=True):
            config = config.replace(f"server 127.0.0.1:{example} ", f"server 127.0.0.1:{port} ")
        config = config.replace("limit_conn redheart_live 100;", "limit_conn redheart_live 3;")
        (folder / "redheart.conf").write_text(config)
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=USER))
        self.command = [program("nginx"), "-p", str(folder), "-e", str(folder / "error.log"), "-c", "nginx.conf"]
        self.url = f"https://127.0.0.1:{self.https}"

    @contextmanager
    def running(self) -> Iterator[Nginx]:
        process = subprocess.Popen(self.command)
        try:
            until(lambda: accepts(self.https), lambda: (self.folder / "error.log").read_text())
            yield self
        finally:
            process.terminate()
            process.wait(60)


def accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=10):
        return True
    return False


@contextmanager
def in_front_of(tmp_path: Path, *webs: int) -> Iterator[Nginx]:
    folder = tmp_path / f"nginx{next(folders)}"
    folder.mkdir()
    with Nginx(folder, *webs).running() as nginx:
        yield nginx


@pytest.fixture(scope="module")
def nginx(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with in_front_of(tmp_path_factory.mktemp("nginx"), site.daphne, site.uvicorn) as running:
        yield running


class DyingWeb:
    """A web process that takes each request, and dies before it answers."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _ = self.listening.accept()
                self.requests.append(connection.recv(65536))
                connection.close()


@pytest.fixture
def dying() -> Iterator[DyingWeb]:
    web = DyingWeb()
    yield web
    web.listening.close()


def test_the_file_is_valid(nginx: Nginx) -> None:
    done = subprocess.run([*nginx.command, "-t"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def test_a_click_over_tls_is_seen_on_the_sockets_of_both_web_processes(site: Site, nginx: Nginx) -> None:
    with ExitStack() as stack:
        pages = [stack.enter_context(open_socket(nginx.https, tls=True, source=VISITOR))]
        pages += [stack.enter_context(open_socket(port, tls=False)) for port in site.webs.values()]
        [before] = {count(page, lambda _: True) for page in pages}
        with client(nginx.url, source=VISITOR) as visitor:
            origin = {"origin": f"https://{HOST}", "sec-fetch-site": "same-origin"}
            liked = visitor.post("/posts/1/like/", data={"liked": "1"}, headers={**JSON, **origin})
        assert liked.status_code == 202
        assert "Secure" in liked.headers["set-cookie"]
        for page in pages:
            assert count(page, lambda number: number > before) == before + 1


def test_pages_come_over_tls_with_the_id_of_the_log_and_without_tls_there_is_a_redirect(nginx: Nginx) -> None:
    with client(nginx.url) as visitor:
        page = visitor.get("/feedback/")
        assert page.status_code == 200
        assert page.headers["strict-transport-security"]
        assert re.fullmatch("[0-9a-f]{32}", request_id := page.headers["x-request-id"])
    until(lambda: request_id in (nginx.folder / "access.log").read_text(), "the id is not in the log")
    assert "feedback" not in (nginx.folder / "access.log").read_text(), "a path may be secret"
    with client(f"http://127.0.0.1:{nginx.http}") as visitor:
        redirect = visitor.get("/feedback/?page=1")
        assert (redirect.status_code, redirect.headers["location"]) == (301, f"https://{HOST}/feedback/?page=1")


def test_the_site_knows_the_address_of_the_visitor_whatever_the_visitor_says(site: Site, nginx: Nginx) -> None:
    forged = {"x-forwarded-for": "203.0.113.77", "x-forwarded-proto": "http"}
    with client(nginx.url, source=VISITOR, headers=forged) as visitor:
        failed_sign_in(visitor, "behind-nginx")
    line = f"account 'behind-nginx' from {VISITOR}"
    until(lambda: line in site.output("daphne") + site.output("uvicorn"), lambda: site.output("uvicorn"))


def test_a_static_file_that_only_one_process_has_is_found_during_an_update(site: Site, nginx: Nginx) -> None:
    proxied = {"x-forwarded-proto": "https"}
    with client(f"http://127.0.0.1:{site.daphne}", headers=proxied) as direct:
        assert direct.get(f"/static/{NEW_FILE}").status_code == 404
    with client(nginx.url) as visitor:
        for _ in range(6):
            assert visitor.get(f"/static/{NEW_FILE}").status_code == 200
        assert visitor.get("/static/css/nowhere.css").status_code == 404
        [style] = re.findall(r"/static/css/redheart\.\w+\.css", visitor.get("/").text)
        assert "immutable" in visitor.get(style).headers["cache-control"]


def test_a_process_that_is_gone_is_not_noticed(site: Site, tmp_path: Path) -> None:
    with in_front_of(tmp_path, free_port(), site.uvicorn) as nginx, client(nginx.url) as visitor:
        for _ in range(4):
            assert visitor.get("/feedback/").status_code == 200
            assert visitor.post("/posts/4/like/", data={"liked": "1"}, headers=JSON).status_code == 202


def test_a_click_that_died_with_its_process_is_sent_to_another_one(site: Site, dying: DyingWeb, tmp_path: Path) -> None:
    with client(f"http://127.0.0.1:{site.uvicorn}", headers={"x-forwarded-proto": "https"}) as direct:
        cookie = (
            direct.post("/posts/5/like/", data={"liked": "1"}, headers=JSON).headers["set-cookie"].partition(";")[0]
        )
    with in_front_of(tmp_path, dying.port, site.uvicorn) as nginx, client(nginx.url) as visitor:
        headers = {**JSON, "cookie": cookie}
        for liked in "0101":
            assert visitor.post("/posts/5/like/", data={"liked": liked}, headers=headers).status_code == 202
        assert any(b"/posts/5/like/" in request for request in dying.requests)


def test_what_may_have_changed_something_is_not_sent_again(site: Site, dying: DyingWeb, tmp_path: Path) -> None:
    """A visitor's first click and a feedback message: twice they would be two."""
    with in_front_of(tmp_path, dying.port, site.uvicorn) as nginx, client(nginx.url) as visitor:
        first = [visitor.post("/posts/6/like/", data={"liked": "1"}, headers=JSON).status_code for _ in range(4)]
        assert set(first) == {202, 502}
        message = [visitor.post("/feedback/", data={"message": "x"}).status_code for _ in range(4)]
        assert set(message) == {403, 502}, "403: without the token of the form"
        assert visitor.get("/feedback/").status_code == visitor.get("/feedback/").status_code == 200


def test_one_address_may_open_a_limited_number_of_sockets(nginx: Nginx) -> None:
    with ExitStack() as pages:
        for _ in range(3):
            pages.enter_context(open_socket(nginx.https, tls=True, source=OTHER_VISITOR))
        with pytest.raises(InvalidStatus) as refused, open_socket(nginx.https, tls=True, source=OTHER_VISITOR):
            pass
        assert refused.value.response.status_code == 503


@pytest.mark.parametrize("path", ["/healthz/", "/readyz/", "/livez/", "/metrics"])
def test_health_and_metrics_are_for_this_machine_only(nginx: Nginx, path: str) -> None:
    with client(nginx.url, source=VISITOR) as visitor:
        assert visitor.get(path).status_code == 403
    with client(nginx.url) as here:
        answered = here.get(path)
        assert "nginx" not in answered.text
