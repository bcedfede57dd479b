"""The site of a lesson is gone with the lesson, however that ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import requests

from monitor.lessons.temporary_site import TemporarySite
from tests.live import ROOT, until

ENV = {**os.environ, "DJANGO_SETTINGS_MODULE": "project.settings"}
PROGRAM = """
import django; django.setup()
import time
from monitor.lessons.temporary_site import TemporarySite
with TemporarySite() as site:
    site.start_redis()
    site.start_web()
    print(site.folder, site.url, flush=True)
    time.sleep(60)
"""


def processes_in(folder: Path) -> list[str]:
    """The command lines of the processes with this DATA_DIR. The title of Valkey names its socket there."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_text().replace("\0", " ")
            ours = f"DATA_DIR={folder}".encode() in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if line and (ours or str(folder) in line):
            found.append(line)
    return found


def test_it_responds_and_is_gone_after_the_block() -> None:
    with TemporarySite() as site:
        site.start_web()
        assert requests.get(f"{site.url}/posts/1/", timeout=20).ok, "it has the demo"
        assert processes_in(site.folder)
    assert processes_in(site.folder) == [] and not site.folder.exists()


def test_it_ends_with_a_lesson_that_is_killed() -> None:
    lesson = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=ROOT, env=ENV, stdout=subprocess.PIPE, text=True)
    assert lesson.stdout
    name, url = lesson.stdout.readline().split()
    assert requests.get(f"{url}/livez/", timeout=20).ok and len(processes_in(Path(name))) >= 2
    os.kill(lesson.pid, signal.SIGKILL)
    lesson.wait()
    until(lambda: processes_in(Path(name)) == [], lambda: str(processes_in(Path(name))), 20)
    shutil.rmtree(name)
