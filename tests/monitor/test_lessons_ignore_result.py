"""The lesson about ignore_result: its figure is the one of Redis."""

from __future__ import annotations

import redis as redis_py

from monitor.lessons import ignore_result
from tests.monitor.lessons import rows, silent


def calls(redis_client: redis_py.Redis, command: str) -> int:
    found: int = redis_client.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"]
    return found


def test_results_cost_commands_and_keys_and_ignoring_them_costs_none(redis_client: redis_py.Redis) -> None:
    before = {command: calls(redis_client, command) for command in ("setex", "subscribe")}
    result = ignore_result.run(silent)
    found = rows(result.tables[0])
    for command, count in before.items():
        assert calls(redis_client, command) - count == ignore_result.COUNT, "Redis counts the same"
        assert found[command.upper()] == ["1,000", "0"]
    assert found["Keys left"] == ["1,000", "0"]
    kept, ignored = (int(cell.replace(",", "")) for cell in found["Redis commands"])
    assert kept >= ignored + 4 * ignore_result.COUNT
    assert str(result.figure).startswith(f"1,000 tasks with results: {kept:,} Redis commands, and 1,000 keys")
    assert redis_client.keys("*celery-task-meta-*") == []
