from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.reputation.record import Record
from clubai.reputation.rules import ASKED, CLUB, Rules
from clubai.reputation.selection import draw, weight
from support.standing import DAY, MODEL, MONDAY, NODE, OWNER, Court


def old(points: int) -> Record:
    return Record(
        node=NODE,
        member=OWNER,
        points=points,
        first_at=0.0,
        probation_since=0.0,
        probation_passes=20,
    )


def test_the_weight_grows_with_points_and_levels_off() -> None:
    weights = [
        weight(old(points), CLUB, now=MONDAY) for points in (50, 1000, 9000, 99000)
    ]

    assert weights == sorted(weights)
    assert weights[1] == pytest.approx(0.55)
    assert weights[2] == pytest.approx(0.95)
    assert weights[3] < 1.05


def test_a_new_node_has_a_quarter() -> None:
    new = old(1000)
    new.probation_passes = 19

    assert weight(new, CLUB, now=MONDAY) == pytest.approx(0.55 / 4)
    assert weight(new, Rules(probation=False), now=MONDAY) == pytest.approx(0.55)


def test_below_fifty_points_there_are_checks_alone() -> None:
    assert weight(old(49), CLUB, now=MONDAY) == 0
    assert weight(old(50), CLUB, now=MONDAY) > 0
    assert weight(old(49), Rules(slash=False), now=MONDAY) > 0


def test_without_selection_all_are_equal_but_the_suspended() -> None:
    rules = Rules(selection=False)
    suspended = old(100)
    suspended.suspended_until = MONDAY + DAY

    assert weight(old(10), rules, now=MONDAY) == 1
    assert weight(old(99999), ASKED, now=MONDAY) == 1
    assert weight(suspended, rules, now=MONDAY) == 0
    assert weight(suspended, CLUB, now=MONDAY) == 0


def test_a_model_that_is_claimed_later_weighs_a_quarter() -> None:
    court = Court()
    for _ in range(20):
        court.check(passed=True)
    court.wait(7 * DAY)
    full = court.judge.weight(NODE)
    court.appear(MODEL, "huge")

    assert court.judge.weight(NODE, MODEL) == full
    assert court.judge.weight(NODE, "huge") == full / 4
    assert court.judge.weight(NODE, "never offered") == full / 4


def test_draws_follow_the_weights_and_explore() -> None:
    rng = Random(1)  # noqa: S311
    drawn = [draw([0.0, 3.0, 1.0, 0.0], rng) for _ in range(20_000)]
    shares = [drawn.count(index) / len(drawn) for index in range(4)]

    assert shares[0] == shares[3] == 0
    assert shares[1] == pytest.approx(0.95 * 0.75 + 0.05 * 0.5, abs=0.01)


def test_exploring_reaches_the_lightest() -> None:
    rng = Random(1)  # noqa: S311
    drawn = [draw([1e9, 1e-9], rng) for _ in range(20_000)]

    assert drawn.count(1) / len(drawn) == pytest.approx(0.025, abs=0.005)


@given(st.lists(st.floats(0, 1e6), max_size=6), st.integers())
def test_whatever_is_drawn_may_be_drawn(weights: list[float], seed: int) -> None:
    rng = Random(seed)  # noqa: S311
    if any(each > 0 for each in weights):
        assert weights[draw(weights, rng)] > 0
    else:
        with pytest.raises(ValueError, match="nothing can be drawn"):
            draw(weights, rng)
