from __future__ import annotations

import pytest
from msgspec import msgpack

from clubai.sim.plan import Plan, as_asked
from clubai.sim.simulation import simulate
from clubai.sim.tally import Outcome, Result

PLAN = Plan(nodes=60, days=10, seed=1)


@pytest.fixture(scope="module")
def club() -> Result:
    return simulate(PLAN)


@pytest.fixture(scope="module")
def asked() -> Result:
    return simulate(as_asked(PLAN))


def profit(outcome: Outcome) -> float:
    return (outcome.credit - outcome.cost - outcome.fees) / outcome.nodes


def test_the_same_seed_gives_the_same_bytes() -> None:
    plan = Plan(nodes=30, days=3, seed=8)
    other = Plan(nodes=30, days=3, seed=9)

    first = msgpack.encode(simulate(plan))

    assert msgpack.encode(simulate(plan)) == first
    assert msgpack.encode(simulate(other)) != first


def test_by_the_rules_as_asked_cheats_earn_more_than_the_honest(asked: Result) -> None:
    honest = profit(asked.outcomes["honest"])

    assert profit(asked.outcomes["cheap"]) > 1.1 * honest
    assert profit(asked.outcomes["garbage"]) > honest
    assert asked.tally.bad / asked.tally.delivered > 0.1
    assert all(outcome.suspended == 0 for outcome in asked.outcomes.values())


def test_by_the_clubs_rules_garbage_is_suspended_and_the_honest_are_not(
    club: Result,
) -> None:
    garbage, honest = club.outcomes["garbage"], club.outcomes["honest"]

    assert garbage.suspended == garbage.nodes > 0
    assert honest.suspended == 0
    assert profit(garbage) < 0.1 * profit(honest)


def test_what_is_paid_adds_up_to_the_pool(club: Result, asked: Result) -> None:
    for found in (club, asked):
        credit = sum(outcome.credit for outcome in found.outcomes.values())
        assert sum(each.paid for each in found.closes) == credit > 0
        assert all(each.paid + each.carry == each.pool for each in found.closes)


def test_the_course_ends_with_the_points(club: Result) -> None:
    for outcome in club.outcomes.values():
        assert len(outcome.course) == PLAN.days
        assert outcome.course[-1] == outcome.points
