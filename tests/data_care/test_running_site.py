"""A backup under clicks, restored elsewhere: the site goes on there, and pages that have stayed open show it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
from websockets.sync.client import connect

from tests.faults.visitors import JSON, POSTS, Visitors, state
from tests.live import ROOT, Live, until


def manage(live: Live, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=live.env, capture_output=True, text=True)


def version_of(live: Live, post: int) -> int:
    """What a page gets when it connects."""
    with connect(f"{live.url.replace('http', 'ws')}/live/?topic=post.{post}") as socket:
        version: int = json.loads(socket.recv(30))[f"post.{post}"]["v"]
    return version


def test_a_backup_under_clicks_is_restored_elsewhere_and_open_pages_show_it(tmp_path: Path) -> None:
    with Live(tmp_path) as live:
        visitors = Visitors(live)
        with visitors.clicking():
            done = manage(live, "backup")
        assert done.returncode == 0, done.stderr
        visitors.expect_nothing_lost()
        saved = done.stdout.rpartition(" (")[0]
        refused = manage(live, "restore", saved)
        assert refused.returncode == 1 and "The site runs: " in refused.stderr
        seen = {post: version_of(live, post) for post in POSTS}
        live.stop()

        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir(mode=0o700)
        shutil.copy(Path(live.env["DATA_DIR"], "secret_key"), elsewhere)
        live.env["DATA_DIR"] = str(elsewhere)
        assert manage(live, "restore", saved).returncode == 0
        live.start()

        with httpx.Client(base_url=live.url, headers=JSON, timeout=30) as client:
            until(lambda: pending(client) == 0, "the clicks of the backup were not settled")
            before = {post: state(client, post) for post in POSTS}
            assert all(version_of(live, post) > seen[post] for post in POSTS), "pages ignore what is older"
            assert client.post("/posts/1/like/", data={"liked": "1"}).status_code == 202
            until(lambda: state(client, 1)["count"] == before[1]["count"] + 1, "the click was not counted")
        drift = manage(live, "shell", "-v", "0", "-c", "from likes.recount import recount; print(sum(recount()))")
        assert drift.stdout.strip() == "0", drift.stderr
        visitors.close()


def pending(client: httpx.Client) -> int:
    """How many likes wait to be settled."""
    text = client.get("/metrics").raise_for_status().text
    line = next(line for line in text.splitlines() if line.startswith('redheart_queue_pending{queue="likes"}'))
    return int(float(line.split()[-1]))
