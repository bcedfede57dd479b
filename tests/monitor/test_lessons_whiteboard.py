"""The lesson about the broker as a whiteboard."""

from __future__ import annotations

import json

from monitor.lessons import whiteboard
from tests.monitor.lessons import silent


def test_the_tasks_wait_in_order_and_leave_one_by_one() -> None:
    result = whiteboard.run(silent)
    assert [row[0] for row in result.tables[0].rows] == [f"['{name}', 0.5]" for name in whiteboard.REQUESTS]
    [columns] = result.columns
    assert [depth for _, depth in columns.values] == [6, 5, 4, 3, 2, 1, 0]
    [(_, text)] = result.texts
    assert json.loads(text)["body"][0] == ["refund", 0.5]
    assert result.figure.values["count"] == 6
