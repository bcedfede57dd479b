"""How fast this machine runs Python, so that CPU times of different machines can be compared."""

from __future__ import annotations

import json
import time

REFERENCE = 0.107  # CPU seconds of `_work` on the machine of docs/performance.md
RUNS = 5


def speed() -> float:
    """A multiple of the speed of the machine of docs/performance.md: 0.5 is half as fast. Takes about a second."""
    return REFERENCE / min(_timed() for _ in range(RUNS))


def _timed() -> float:
    started = time.process_time()
    _work()
    return time.process_time() - started


def _work() -> None:
    """What a web framework does most: strings, dictionaries and JSON."""
    for number in range(20_000):
        row = {"post": number, "text": f"Post {number}", "tags": ["a", "b"], "author": {"name": "mina", "id": number}}
        text = json.dumps(row)
        found = json.loads(text)
        assert " ".join(sorted(found)).upper().split(" ")[0] == "AUTHOR"
