"""What somebody types as an address never reaches our own network."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_network

import pytest
import requests
from pytest_django import Settings

from outbox import ssrf
from outbox.ssrf import Refused


class Inside(BaseHTTPRequestHandler):
    """Something of ours that must not be reached: it counts who does, and sends everybody back to itself."""

    reached: list[str] = []

    def do_POST(self) -> None:
        self.reached.append(self.path)
        self.send_response(307)
        self.send_header("Location", "/again")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def inside() -> Iterator[int]:
    Inside.reached = []
    with HTTPServer(("127.0.0.1", 0), Inside) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


HOSTS = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "0.0.0.1", "10.0.0.1", "172.16.0.1",
    "192.168.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[fe80::1]", "[fc00::1]", "[fec0::1]", "[::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[ff02::1]",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_an_address_inside_is_refused_in_every_spelling(host: str, inside: int) -> None:
    with pytest.raises(Refused):
        ssrf.look_at(f"http://{host}:{inside}/")
    with pytest.raises(Refused):
        ssrf.post(f"http://{host}:{inside}/", b"", {})
    assert Inside.reached == []


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_is_not(address: str) -> None:
    ssrf.check(address)


@pytest.mark.parametrize(
    "url",
    ["", "ftp://example.com", "file:///etc/passwd", "//example.com", "http://", "http://[::1", "http://u:p@1.1.1.1/",
     "http://1.1.1.1:99999/", "javascript:alert(1)", "http://" + "a" * 300 + ".example/", "http://no-such-host.invalid/"],
)  # fmt: skip
def test_what_is_no_web_address_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(Refused, match=r"\.$"):
        ssrf.look_at(url)


def test_a_name_that_changes_between_the_check_and_the_connection_gains_nothing(
    inside: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["1.1.1.1", "127.0.0.1"])

    def fickle(host: str, port: int, *args: object, **kwargs: object) -> object:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(ssrf, "getaddrinfo", fickle)
    ssrf.look_at(f"http://fickle.example:{inside}/")
    with pytest.raises(Refused):
        ssrf.post(f"http://fickle.example:{inside}/", b"", {})
    assert Inside.reached == []


def test_a_redirect_is_an_answer_and_is_not_followed(inside: int, settings: Settings) -> None:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.1")]
    assert ssrf.post(f"http://127.0.0.1:{inside}/first", b"", {}).status == 307
    assert Inside.reached == ["/first"]


def test_the_guard_stands_only_in_its_block_and_its_thread(inside: int) -> None:
    knock(f"http://127.0.0.1:{inside}/ours")
    with ssrf.outside():
        other = threading.Thread(target=knock, args=[f"http://127.0.0.1:{inside}/other"])
        other.start()
        other.join()
        with pytest.raises(Refused):
            knock(f"http://127.0.0.1:{inside}/guarded")
    assert Inside.reached == ["/ours", "/other"]


def knock(url: str) -> None:
    requests.post(url, timeout=10, allow_redirects=False)


@contextmanager
def dripping(first: bytes) -> Iterator[int]:
    """A server that speaks a letter at a time, for ever."""
    stop = threading.Event()

    def drip() -> None:
        connection, _ = server.accept()
        try:
            connection.recv(65536)
            connection.sendall(first)
            while not stop.wait(0.05):
                connection.sendall(b"x")
        except OSError:
            pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, daemon=True).start()
        yield server.getsockname()[1]
        stop.set()


@pytest.mark.parametrize("first", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 20"])
def test_somebody_who_speaks_for_ever_is_cut_short(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, first: bytes
) -> None:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.1")]
    monkeypatch.setattr(ssrf, "SECONDS", 1)
    with dripping(first) as port:
        try:
            answer = ssrf.post(f"http://127.0.0.1:{port}/", b"", {})
        except requests.RequestException:
            assert b"200" not in first
        else:
            assert (answer.status, len(answer.text) < ssrf.HEARD) == (200, True)


def test_the_end_of_the_time_hangs_up_behind_tls_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssrf, "SECONDS", 0.2)
    here, there = socket.socketpair()
    watch = ssrf.Watch()
    watch.follow(here)
    wrapped = socket.socket(fileno=here.detach())
    wrapped.settimeout(30)
    assert wrapped.recv(1) == b""
    watch.close()
    wrapped.close()
    there.close()
