"""What `make bench` says of its results, and when `make bench-check` fails."""

from __future__ import annotations

import pytest

from bench.measure import Numbers
from bench.targets import LAST_MEASURED, TARGETS, Found, regressions, verdict


def rounds(*factors: float) -> dict[str, list[Numbers]]:
    """One round for each factor: that many times the CPU time that was last measured."""
    return {
        scenario: [{name: before * factor} for factor in factors] for (scenario, name), before in LAST_MEASURED.items()
    }


def results(factor: float) -> Found:
    """Redheart on daphne exactly at what each target must reach, times this factor; the peer's figures are all 1."""
    redheart: dict[str, Numbers] = {}
    peer: dict[str, Numbers] = {}
    for target in TARGETS:
        redheart.setdefault(target.scenario, {})[target.name] = target.must[0] * factor
        peer.setdefault(target.scenario, {})[target.name] = 1
    return {"redheart:daphne-sqlite": redheart, "node": peer}


def test_one_good_round_is_enough_because_other_work_only_makes_a_round_slower() -> None:
    assert regressions(rounds(1.9, 1.2, 1.9), speed=1) == []
    assert len(regressions(rounds(1.9, 1.6), speed=1)) == len(LAST_MEASURED)


def test_a_slower_machine_may_take_more_cpu_time() -> None:
    assert regressions(rounds(2.5), speed=0.5) == []
    assert regressions(rounds(1.2), speed=2) != []


def test_what_was_not_measured_is_a_regression() -> None:
    assert len(regressions({}, speed=1)) == len(LAST_MEASURED)


@pytest.mark.parametrize(("factor", "more_is_better"), [(1.1, False), (0.9, True)])
def test_the_verdict_names_each_missed_target_and_no_other(factor: float, more_is_better: bool) -> None:
    assert verdict(results(1)) == f"Passes all {len(TARGETS)} targets that were measured."
    missed = verdict(results(factor))
    assert missed.startswith("Falls short: ")
    for target in TARGETS:
        assert (target.title in missed) is (target.more_is_better is more_is_better)


def test_a_lost_like_is_in_the_verdict() -> None:
    found: Found = {"redheart:daphne-sqlite": {"S2": {"lost likes": 2}}}
    assert verdict(found) == "Falls short: redheart:daphne-sqlite S2 lost likes: 2"
