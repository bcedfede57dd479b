"""nginx in front of several web processes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live import until

TEMPLATE = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    upstream redheart {{
        least_conn;
        {servers}
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://redheart;
            proxy_http_version 1.1;
            proxy_connect_timeout 2s;
            proxy_read_timeout 1h;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}
}}
"""


@contextmanager
def running(folder: Path, port: int, ports: list[int]) -> Iterator[None]:
    """Passes requests at ``port`` to these ports."""
    if not shutil.which("nginx"):
        assert not os.environ.get("CI"), "nginx is missing"
        pytest.skip("no nginx on this machine")
    servers = "\n        ".join(f"server 127.0.0.1:{each} max_fails=0;" for each in ports)
    user = "user root;" if os.geteuid() == 0 else ""  # of its workers, which write into the folder
    (folder / "nginx.conf").write_text(TEMPLATE.format(folder=folder, port=port, servers=servers, user=user))
    with subprocess.Popen(["nginx", "-p", str(folder), "-e", str(folder / "nginx.log"), "-c", "nginx.conf"]) as process:
        try:
            until((folder / "nginx.pid").exists, "nginx does not start")
            yield
        finally:
            process.terminate()
            process.wait(60)
