"""The lesson about delay and apply_async: what it says about each call is what happened."""

from __future__ import annotations

import re

from monitor.lessons import calling
from tests.monitor.lessons import bars, rows, silent


def seconds(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"(\d+\.\d+) s", text)]


def test_each_option_does_what_the_lesson_says() -> None:
    result = calling.run(silent)
    found = {call: cell for call, [cell] in rows(result.tables[0]).items()}
    [waited], [at_once] = seconds(found["apply_async(countdown=2)"]), seconds(found["delay(countdown=2)"])
    assert waited >= 2 and at_once < waited
    assert "'countdown': 2.0" in found["delay(countdown=2)"]
    assert "unexpected keyword argument 'countdown'" in found["delay(countdown=2) of a task without **kwargs"]
    first, second, third = seconds(found["autoretry_for, retry_backoff=1"])
    assert second - first >= 0.9
    assert third - second >= 1.9
    assert found["apply_async(expires=1)"] == "the worker that received it later threw it away"
    order = found["enqueued as priority=9, priority=3, priority=0, priority=6"]
    assert order == "priority=0, priority=3, priority=6, priority=9"
    title = "What the worker held, and when it ran it"
    assert [bar.label for bar in bars(result, title, "failed")] == ["retry", "retry"]
    assert "apply_async(countdown=2)" in [bar.label for bar in bars(result, title, "waiting")]
    assert "delay(countdown=2)" in [bar.label for bar in bars(result, title, "short")]
