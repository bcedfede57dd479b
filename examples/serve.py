"""Serves the examples as a site of their own, apart from Redheart: ``make examples``, or ``python examples/serve.py``.

A file cannot know the addresses of this machine: its HTML has ``{{ redheart }}`` for that of Redheart and
``{{ blog }}`` for that of this server. Pages of a real site have the real addresses.
"""

from __future__ import annotations

import io
import os
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

EXAMPLES = Path(__file__).resolve().parent
HTML = EXAMPLES / "html"
BUILT = {"mkdocs": EXAMPLES / "mkdocs/site", "eleventy": EXAMPLES / "eleventy/_site"}  # by `make examples-build`
REDHEART = (os.environ.get("REDHEART_URL") or "http://127.0.0.1:8000").rstrip("/")
POLICY = (  # what the heart and its form need; the rest is for the blog
    f"script-src {REDHEART}; connect-src {REDHEART} {REDHEART.replace('http', 'ws', 1)}; "
    f"form-action 'self' {REDHEART}; default-src 'none'; style-src 'self'; img-src data:"
)
PORT = 8001


class Handler(SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        """The file of a URL path: /mkdocs/ and /eleventy/ are what was built, all else is in html/."""
        self.directory = str(HTML)
        first, *rest = Path(super().translate_path(path)).relative_to(HTML).parts or ("",)
        return str(BUILT[first].joinpath(*rest) if first in BUILT else HTML.joinpath(first, *rest))

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """HTML with the addresses in it; other files as they are."""
        url_path = urlsplit(self.path).path
        file = Path(self.translate_path(self.path), "index.html" if url_path.endswith("/") else "")
        if file.suffix != ".html" or not file.is_file():
            return super().send_head()
        addresses = {"{{ redheart }}": REDHEART, "{{ blog }}": f"http://{self.headers.get('Host', '')}"}
        text = file.read_text("utf-8")
        for placeholder, address in addresses.items():
            text = text.replace(placeholder, address)
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if HTML in file.parents:  # pages of MkDocs have scripts of their own
            self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        return io.BytesIO(body)

    def log_message(self, *args: object) -> None:
        """Prints nothing for each request."""


def serve(port: int) -> None:
    """Serves until Ctrl-C. Raises SystemExit if the port cannot be used."""
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except (OSError, OverflowError) as error:
        raise SystemExit(f"Port {port} cannot be used ({error}). Try: make examples PORT={PORT + 1}") from None
    names = ["", *(f"{name}/" for name, folder in BUILT.items() if folder.exists())]
    print("\n  The examples are ready:", *(f"http://localhost:{port}/{name}" for name in names), sep="  ")
    print(f"  Its hearts come from {REDHEART}. Ctrl-C stops it.\n", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    text = os.environ.get("PORT") or str(PORT)
    if not text.isdecimal():
        raise SystemExit(f"PORT must be a number, not {text}.")
    serve(int(text))
