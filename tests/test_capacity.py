"""The simulation behind docs/capacity.md."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench.capacity import AUDIENCES, BUSY, Audience, Costs, Site, simulate, sufficient

COSTS = Costs(
    like_web=0.3e-3, like_worker=0.2e-3, like_database=0.2e-3, like_redis=25e-6, frame=15e-6, resting=4e-6,
    opening=1e-3, socket=26_000, web=90e6, received=15e-6, message=300,
)  # fmt: skip
EVENT = Audience("all watch one post", 100_000, 600, 1)


@pytest.mark.parametrize("audience", AUDIENCES, ids=lambda audience: f"{audience.name}, {audience.watchers}")
def test_no_part_of_a_sufficient_site_is_too_busy(audience: Audience) -> None:
    use, late = simulate(COSTS, audience, sufficient(COSTS, audience, Site(web=1)))
    assert max(use) <= BUSY
    assert 0 < late < 2


def test_counts_come_later_if_more_pages_are_open_in_a_web_process() -> None:
    late = [simulate(COSTS, EVENT, Site(web=web))[1] for web in (40, 20, 10)]
    assert late == sorted(late) and late[0] < late[-1]


def test_a_web_process_that_has_too_much_to_do_shows_nothing_any_more() -> None:
    use, late = simulate(COSTS, EVENT._replace(pause=1), Site(web=1))
    assert use.web > 1 and late == math.inf


def test_likes_that_are_settled_alone_reach_only_the_web_processes_that_show_their_page() -> None:
    def sent(pages: int, pause: float) -> float:
        audience = Audience("pages", 10_000, pause, pages, pages)
        return simulate(COSTS, audience, Site(web=10))[0].network / audience.likes

    assert sent(100_000, 600) < sent(10, 600) / 50
    assert sent(100_000, 60) == pytest.approx(sent(10, 60)), "settled together"


def test_twice_the_workers_are_half_as_busy() -> None:
    one, two = (simulate(COSTS, EVENT, replace(Site(web=10), workers=number))[0] for number in (1, 2))
    assert one.worker == pytest.approx(2 * two.worker)
