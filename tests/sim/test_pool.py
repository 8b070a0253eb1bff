from __future__ import annotations

from collections import Counter
from random import Random

from clubai.sim.pool import NOBODY, Pool
from clubai.sim.populations import Population
from clubai.sim.seats import Machine, Seat


def pool(*weights: float, hours: int = 24) -> Pool:
    seats = [
        Seat("a", Population(share=1, hours=hours), place, Machine())
        for place in range(len(weights))
    ]
    made = Pool(seats, Random(1))  # noqa: S311
    made.weights[:] = weights
    made.open()
    return made


def test_seats_are_drawn_by_weight() -> None:
    some = pool(1.0, 0.1, 0.0)

    drawn = Counter(some.draw(12) for _ in range(2000))

    assert set(drawn) == {0, 1}
    assert drawn[0] > 4 * drawn[1]


def test_a_weight_that_falls_to_zero_counts_at_once() -> None:
    some = pool(1.0, 1.0)
    some.weights[0] = 0.0

    assert {some.draw(0) for _ in range(50)} == {1}


def test_one_can_be_left_out() -> None:
    some = pool(1.0, 1.0)

    assert {some.draw(0, without=1) for _ in range(50)} == {0}
    assert pool(1.0).draw(0, without=0) == NOBODY


def test_nobody_is_drawn_where_nobody_may_work() -> None:
    assert pool(0.0, 0.0).draw(0) == NOBODY
    assert pool(1.0, hours=1).draw(0) == 0
    assert pool(1.0, hours=1).draw(1) == NOBODY
