"""While something is broken, the log says so and does not flood."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

import pytest

from project import log_limits
from project.log_limits import MAX_LINES, MAX_TEMPLATES, LimitRepeats


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[logging.Logger]:
    limit = LimitRepeats()
    caplog.handler.addFilter(limit)
    yield logging.getLogger("test")
    caplog.handler.removeFilter(limit)


def test_the_same_line_is_written_a_few_times_and_then_counted(
    log: logging.Logger, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(MAX_LINES + 5):
        log.error("%d clicks could not be stored", number)
    assert len(caplog.messages) == MAX_LINES
    log.error("something else")
    assert len(caplog.messages) == MAX_LINES + 1, "lines of another kind are written"
    monkeypatch.setattr(log_limits, "PERIOD", -1.0)
    log.error("%d clicks could not be stored", 7)
    assert caplog.messages[-1] == "7 clicks could not be stored (5 like this were dropped)"


def test_a_failure_is_not_lost_among_other_lines_of_its_logger(
    log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(MAX_LINES + 1):
        log.error("%s: %s", "Not Found", "/nowhere/", extra={"status_code": 404})
    log.error("%s: %s", "Server Error", "/", extra={"status_code": 500})
    try:
        raise ValueError
    except ValueError:
        log.error("%s: %s", "Not Found", "/nowhere/", extra={"status_code": 404}, exc_info=sys.exc_info())
    assert len(caplog.messages) == MAX_LINES + 2


def test_templates_without_end_take_no_memory(log: logging.Logger) -> None:
    limit = LimitRepeats()
    for number in range(3 * MAX_TEMPLATES):
        limit.filter(logging.LogRecord("test", logging.ERROR, "", 0, f"host {number}", (), None))
    assert len(limit.seen) <= MAX_TEMPLATES + 1
