"""What somebody types as an address never reaches our own network."""

from __future__ import annotations

import datetime
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings
from urllib3.util import connection

from outbox import http, ssrf
from outbox.deadline import Deadline
from outbox.ssrf import Refused
from tests.live import ROOT

NAME = "receiver.example"
real_getaddrinfo = ssrf.original_getaddrinfo


class Recorder(BaseHTTPRequestHandler):
    """Records each request as "address Host path" and redirects it to the same server."""

    requests: list[str] = []

    def do_POST(self) -> None:
        self.requests.append(f"{self.connection.getsockname()[0]} {self.headers['Host']} {self.path}")
        self.send_response(307)
        self.send_header("Location", "/again")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(address: str, port: int = 0, context: ssl.SSLContext | None = None) -> Iterator[int]:
    with HTTPServer((address, port), Recorder) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(autouse=True)
def no_requests() -> None:
    Recorder.requests = []


@pytest.fixture
def private_port() -> Iterator[int]:
    """The port of a server in our own network."""
    with serving("127.0.0.1") as port:
        yield port


@pytest.fixture
def resolving(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Makes NAME resolve to these addresses, one list each time."""

    def use(*answers: list[str]) -> list[str]:
        lookups: list[str] = []

        def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            if host != NAME:
                return real_getaddrinfo(host, port, *args, **kwargs)
            lookups.append(host)
            found = answers[min(len(lookups), len(answers)) - 1]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

        monkeypatch.setattr(ssrf, "original_getaddrinfo", getaddrinfo)
        return lookups

    return use


PRIVATE_HOSTS = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "0.0.0.1", "10.0.0.1", "172.16.0.1",
    "192.168.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[fe80::1]", "[fc00::1]", "[fec0::1]", "[::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[ff02::1]",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
def test_a_private_address_is_refused_in_every_spelling(host: str, private_port: int) -> None:
    with pytest.raises(Refused):
        ssrf.check_url(f"http://{host}:{private_port}/")
    with pytest.raises(Refused):
        http.post(f"http://{host}:{private_port}/", b"", {})
    assert Recorder.requests == []


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_is_not_refused(address: str) -> None:
    ssrf.check_address(address)


@pytest.mark.parametrize(
    "url",
    ["", "ftp://example.com", "file:///etc/passwd", "//example.com", "http://", "http://[::1", "http://u:p@1.1.1.1/",
     "http://1.1.1.1:99999/", "javascript:alert(1)", "http://" + "a" * 300 + ".example/", "http://no-such-host.invalid/"],
)  # fmt: skip
def test_what_is_no_web_address_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(Refused, match=r"\.$"):
        ssrf.check_url(url)


def test_a_name_that_becomes_private_after_it_was_typed_is_refused(
    private_port: int, resolving: Callable[..., list[str]]
) -> None:
    resolving(["1.1.1.1"], ["127.0.0.1"])
    ssrf.check_url(f"http://{NAME}:{private_port}/")
    with pytest.raises(Refused):
        http.post(f"http://{NAME}:{private_port}/", b"", {})
    assert Recorder.requests == []


def test_a_name_that_changes_between_check_and_connection_is_connected_to_the_checked_address(
    private_port: int, resolving: Callable[..., list[str]], settings: Settings
) -> None:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.2")]
    lookups = resolving(["127.0.0.2"], ["127.0.0.1"])
    with serving("127.0.0.2", private_port):
        http.post(f"http://{NAME}:{private_port}/x", b"", {})
    assert Recorder.requests == [f"127.0.0.2 {NAME}:{private_port} /x"]
    assert lookups == [NAME]


def test_one_private_address_among_public_ones_is_refused(
    private_port: int, resolving: Callable[..., list[str]]
) -> None:
    resolving(["1.1.1.1", "127.0.0.1"])
    url = f"http://{NAME}:{private_port}/"
    with pytest.raises(Refused):
        ssrf.check_url(url)
    with pytest.raises(Refused):
        http.post(url, b"", {})
    with ssrf.public_only(), pytest.raises(Refused):
        socket.getaddrinfo(NAME, private_port)


def test_the_next_address_is_tried_when_one_refuses_the_connection(
    private_port: int, resolving: Callable[..., list[str]], settings: Settings
) -> None:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.0/8")]
    resolving(["127.0.0.3", "127.0.0.1"])
    assert http.post(f"http://{NAME}:{private_port}/", b"", {}).status == 307
    resolving(["127.0.0.3", "127.0.0.4"])
    with pytest.raises(requests.ConnectionError, match="refused"):
        http.post(f"http://{NAME}:{private_port}/", b"", {})


def test_after_the_deadline_no_further_address_is_tried(
    private_port: int, resolving: Callable[..., list[str]], settings: Settings
) -> None:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.0/8")]
    resolving(["127.0.0.3", "127.0.0.1"])
    with ssrf.public_only():
        connection.create_connection((NAME, private_port)).close()
        ssrf.active.deadline.expire()
        with pytest.raises(ConnectionRefusedError):
            connection.create_connection((NAME, private_port))


def test_a_name_that_does_not_resolve_may_be_retried() -> None:
    with pytest.raises(requests.ConnectionError, match="no-such-host"):
        http.post("http://no-such-host.invalid/", b"", {})


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for NAME, with its key, in one file."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path / "certificate.pem"
    file.write_bytes(built.public_bytes(encoding) + secret)
    return file


@pytest.fixture
def tls(certificate: Path, settings: Settings) -> Iterator[tuple[int, list[str]]]:
    """The port of a server with the certificate, and the server names that clients have sent (SNI)."""
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.1")]
    names: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _, name, __: names.append(name)
    with serving("127.0.0.1", context=context) as port:
        yield port, names


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = requests.Session.__init__

    def trust(session: requests.Session) -> None:
        original(session)
        session.verify = str(certificate)

    monkeypatch.setattr(requests.Session, "__init__", trust)


def test_tls_and_the_certificate_are_about_the_name_and_not_the_address(
    tls: tuple[int, list[str]], trusted: None, resolving: Callable[..., list[str]]
) -> None:
    port, names = tls
    resolving(["127.0.0.1"])
    assert http.post(f"https://{NAME}:{port}/x", b"", {}).status == 307
    assert names == [NAME] and Recorder.requests == [f"127.0.0.1 {NAME}:{port} /x"]


def test_a_certificate_for_another_name_is_refused(tls: tuple[int, list[str]], trusted: None) -> None:
    with pytest.raises(requests.exceptions.SSLError, match="certificate is not valid for '127.0.0.1'|mismatch"):
        http.post(f"https://127.0.0.1:{tls[0]}/", b"", {})
    assert Recorder.requests == []


def test_a_certificate_that_nobody_has_signed_is_refused(
    tls: tuple[int, list[str]], resolving: Callable[..., list[str]]
) -> None:
    resolving(["127.0.0.1"])
    with pytest.raises(requests.exceptions.SSLError, match="self-signed"):
        http.post(f"https://{NAME}:{tls[0]}/", b"", {})
    assert Recorder.requests == []


def test_a_redirect_is_returned_and_not_followed(private_port: int, settings: Settings) -> None:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.1")]
    assert http.post(f"http://127.0.0.1:{private_port}/first", b"", {}).status == 307
    assert Recorder.requests == [f"127.0.0.1 127.0.0.1:{private_port} /first"]


def test_a_proxy_of_the_environment_is_not_used(
    private_port: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.1")]
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving("127.0.0.1") as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy}")
        http.post(f"http://127.0.0.1:{private_port}/x", b"", {})
    assert Recorder.requests == [f"127.0.0.1 127.0.0.1:{private_port} /x"]


def test_other_clients_are_checked_only_in_the_block_and_only_in_its_thread(private_port: int) -> None:
    url = f"http://127.0.0.1:{private_port}"
    send(f"{url}/before")
    with ssrf.public_only():
        other = threading.Thread(target=send, args=[f"{url}/thread"])
        other.start()
        other.join()
        with pytest.raises(Refused):
            send(f"{url}/block")
    send(f"{url}/after")
    assert [request.split()[-1] for request in Recorder.requests] == ["/before", "/thread", "/after"]


def send(url: str) -> None:
    requests.post(url, timeout=10, allow_redirects=False)


def test_importing_ssrf_changes_nothing_until_it_is_installed() -> None:
    code = (
        "import socket; before = socket.getaddrinfo\n"
        "from django.conf import settings; settings.configure()\n"
        "from outbox import ssrf\n"
        "assert socket.getaddrinfo is before\n"
        "try:\n"
        "    ssrf.public_only().__enter__()\n"
        "except RuntimeError: print('not installed')\n"
        "ssrf.install()\n"
        "assert socket.getaddrinfo is not before\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout == "not installed\n"


@contextmanager
def dripping(first: bytes) -> Iterator[int]:
    """A server that sends ``first`` and then one byte at a time for ever."""
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
def test_a_response_that_never_ends_is_cut_off_at_the_deadline(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, first: bytes
) -> None:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.1")]
    monkeypatch.setattr(ssrf, "MAX_SECONDS", 1)
    with dripping(first) as port:
        try:
            response = http.post(f"http://127.0.0.1:{port}/", b"", {})
        except requests.RequestException:
            assert b"200" not in first
        else:
            assert (response.status, len(response.text) < http.MAX_TEXT) == (200, True)


def test_only_the_beginning_of_a_response_is_read(settings: Settings) -> None:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.1")]
    with dripping(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 3 * http.MAX_TEXT) as port:
        assert http.post(f"http://127.0.0.1:{port}/", b"", {}).text == "x" * http.MAX_TEXT


def test_the_deadline_also_ends_other_clients_in_the_block(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.1")]
    monkeypatch.setattr(ssrf, "MAX_SECONDS", 1)
    with dripping(b"HTTP/1.1 20") as port, ssrf.public_only(), pytest.raises(requests.RequestException):
        send(f"http://127.0.0.1:{port}/")


def test_the_deadline_ends_a_connection_that_tls_has_wrapped() -> None:
    here, there = socket.socketpair()
    with Deadline(0.2) as deadline:
        deadline.follow(here)
        wrapped = socket.socket(fileno=here.detach())
        wrapped.settimeout(30)
        assert wrapped.recv(1) == b""
    wrapped.close()
    there.close()
