"""``python -m tests.faults``: every fault against a whole site, and a table of what it did. Words after it select the
faults whose names contain one of them. Fails if an accepted click is lost, a count stays wrong, /healthz/ takes more
than two seconds, or anything takes longer than its scenario allows.
"""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.faults.ledger import Ledger, Row
from tests.faults.scenarios import SCENARIOS, Scenario

MAX_HEALTH = 2.5  # seconds for an answer of /healthz/, which gives itself 1.5, on a busy machine
MAX_RED = 60  # seconds until /healthz/ says that something is wrong
MAX_LOG = 200  # kB a minute
MAX_QUEUE = 500  # messages
BEFORE, AFTER = 3, 3  # seconds of clicks around the fault


def main() -> None:
    chosen = [each for each in SCENARIOS if not sys.argv[1:] or any(word in each.name for word in sys.argv[1:])]
    results = [(scenario, *outcome(scenario)) for scenario in chosen]
    print("\n".join(table([row for _, row, _ in results if row])))
    failed = [f"{scenario.name}: {', '.join(problems)}" for scenario, _, problems in results if problems]
    print("\n".join(["", *failed, f"{len(results) - len(failed)} of {len(results)} faults held"]))
    sys.exit(1 if failed else 0)


def outcome(scenario: Scenario) -> tuple[Row | None, list[str]]:
    try:
        row = run(scenario)
    except Exception:
        traceback.print_exc()
        return None, ["the scenario failed"]
    problems = judge(scenario, row)
    print(f"{'FAILED' if problems else 'held  '}  {scenario.name}  {', '.join(problems)}", flush=True)
    return row, problems


def run(scenario: Scenario) -> Row:
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, scenario.site(Path(folder)) as site:
        ledger = Ledger(site)
        try:
            with ledger.clicking():
                time.sleep(BEFORE)
                begun = time.monotonic()
                with scenario.fault(site):
                    ended = time.monotonic()
                time.sleep(AFTER)
            return ledger.row(scenario.name, begun, ended)
        finally:
            ledger.close()


def judge(scenario: Scenario, row: Row) -> list[str]:
    """What is not as it must be."""
    wrong = {
        f"{row.lost} accepted clicks lost": row.lost > 0,
        f"{row.wrong} counts wrong": row.wrong > 0,
        f"no click accepted for {row.pause} s": row.pause > scenario.max_pause,
        f"nothing settled for {row.unsettled} s": row.unsettled > max(scenario.max_settled, scenario.max_pause),
        f"settled only after {row.settled_after} s": row.settled_after > scenario.max_settled,
        f"/healthz/ took {row.slowest_health} s": row.slowest_health > MAX_HEALTH and scenario.answering,
        "health stayed green": scenario.red and row.red_after < 0,
        f"health was red only after {row.red_after} s": row.red_after > MAX_RED,
        f"health is red {row.green_after} s after the fault": row.green_after > MAX_RED,
        f"{row.log} kB of log a minute": row.log > MAX_LOG,
        f"{row.queue} messages in the queues": row.queue > MAX_QUEUE,
    }
    return [text for text, is_wrong in wrong.items() if is_wrong]


def table(rows: list[Row]) -> list[str]:
    """In Markdown."""
    heads = (
        *("fault", "clicks", "refused", "lost", "wrong", "longest pause", "nothing settled", "right after"),
        *("slowest health", "red after", "green after", "log kB/min", "queue"),
    )
    lines = [heads, tuple("---" for _ in heads), *rows]
    return [f"| {' | '.join('–' if cell == -1 else str(cell) for cell in line)} |" for line in lines]


if __name__ == "__main__":
    main()
