"""The lesson about prefetch, with its real workers: it shows what it claims."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis as redis_py

from monitor.lessons import prefetch
from monitor.lessons.results import Bar, Result
from tests.monitor.lessons import bars, rows, silent

TWO, ONE_EACH = "Two workers, prefetch 4", "Two workers, prefetch 1 and task_acks_late"
EARLY, SPLIT = "Two workers, prefetch 1", "A queue and a worker for each length, prefetch 4"
DISABLED = "Two workers, prefetch 4 and worker_disable_prefetch"


@pytest.fixture(scope="module")
def result(redis_server: None) -> Iterator[Result]:
    yield prefetch.run(silent)


@pytest.fixture(autouse=True)
def empty_redis_and_rate_limits() -> None:
    """The run of this module has deleted what it had made."""


def long(result: Result, title: str) -> Bar:
    [bar] = bars(result, title, "long")
    return bar


def behind(result: Result, title: str) -> list[str]:
    """The short tasks that waited in the worker of the long one until that had ended."""
    busy = long(result, title)
    return [
        bar.label for bar in bars(result, title, "waiting") if bar.row == busy.row and bar.start < busy.end <= bar.end
    ]


def test_with_prefetch_4_short_tasks_are_received_before_and_started_after_the_long_one(result: Result) -> None:
    assert len(behind(result, TWO)) >= 1
    assert rows(result.tables[0])[TWO][0] == str(len(behind(result, TWO)))


def test_meanwhile_the_other_worker_has_nothing_to_do(result: Result) -> None:
    busy = long(result, TWO)
    others = [bar for bar in bars(result, TWO, "short") if bar.row != busy.row]
    assert max(bar.end for bar in others) < busy.end - 1


@pytest.mark.parametrize("title", [ONE_EACH, SPLIT, DISABLED])
def test_no_short_task_waits_for_the_long_one(result: Result, title: str) -> None:
    assert behind(result, title) == []
    assert max(bar.end for bar in bars(result, title, "short")) < long(result, title).end
    assert rows(result.tables[0])[title][0] == "0"


def test_prefetch_1_alone_leaves_one_waiting(result: Result) -> None:
    assert len(behind(result, EARLY)) == 1


def test_a_worker_receives_a_message_for_each_that_it_acknowledges_and_not_only_when_all_are_done(
    result: Result,
) -> None:
    times = {label: [float(cell.split()[0]) for cell in cells] for label, cells in rows(result.tables[1]).items()}
    received = {label: at for label, (at, _, _) in times.items()}
    ended = {label: at for label, (_, _, at) in times.items()}
    for acknowledged, later in zip(["S1", "S2", "S3", "L"], ["S4", "S5", "S6", "S7"], strict=True):
        assert ended[acknowledged] - 0.02 <= received[later] < ended[acknowledged] + 0.25
    assert received["S4"] < ended["S2"], "three reserved messages were not yet consumed"


def test_the_figure_has_the_times_of_the_timelines(result: Result) -> None:
    four, late = (max(bar.end for bar in bars(result, title, "short")) for title in (TWO, ONE_EACH))
    assert result.figure.values == {"four": four, "late": late}
    assert late < prefetch.LONG < four


def test_nothing_is_left_in_redis(result: Result, redis_client: redis_py.Redis) -> None:
    assert redis_client.keys("*lesson-*") == []
