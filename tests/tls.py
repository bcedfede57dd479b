"""A proxy that ends TLS in front of a site, as nginx does, with a certificate that it makes itself."""

from __future__ import annotations

import asyncio
import ssl
import threading
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
BROWSER_TRUSTS = f"--ignore-certificate-errors-spki-list={b64encode(sha256(PUBLIC).digest()).decode()}"
HEADERS = b"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n"


def context(folder: Path) -> ssl.SSLContext:
    """For a server, with a certificate that nobody else has signed."""
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    file = folder / "certificate.pem"
    private = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM))
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(file)
    return made


def start_tls_proxy(target: int, folder: Path) -> str:
    """Forwards requests, with `HEADERS`, to a port of this machine, until the tests end. Returns its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_site, to_site = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(forward(reader, to_site, headers=True), forward(from_site, writer))

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    starting = asyncio.start_server(serve, "127.0.0.1", 0, ssl=context(folder))
    server = asyncio.run_coroutine_threadsafe(starting, loop).result(60)
    return f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def forward(source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, headers: bool = False) -> None:
    """``headers``: adds `HEADERS` to each request. A browser sends the head of a request in one piece."""
    with suppress(OSError):
        while data := await source.read(65536):
            line, end, rest = data.partition(b"\r\n")
            sink.write(line + end + HEADERS + rest if headers and b" HTTP/1.1" in line else data)
            await sink.drain()
    sink.close()
