from __future__ import annotations

import math

import pytest

from clubai.reputation.events import Change
from clubai.reputation.facts import SuspensionEnded
from clubai.reputation.rules import CLUB, Rules
from clubai.reputation.slashing import penalty
from support.standing import DAY, NODE, Court, changes

NO_SLASH = Rules(slash=False)


@pytest.mark.parametrize(
    ("before", "after"), [(115, 65), (65, 15), (2000, 1800), (30, 10), (21773, 19596)]
)
def test_an_invalid_result_costs_fifty_or_a_tenth(before: int, after: int) -> None:
    court = Court(points=before)

    court.lie()

    assert court.points == after


def test_without_slash_it_is_always_fifty() -> None:
    court = Court(NO_SLASH, points=2000)
    court.lie()

    assert court.points == 1950
    assert penalty(10**6, NO_SLASH) == -50
    assert penalty(10**6, CLUB) == -(10**5)


def test_below_fifty_points_members_work_is_kept_away() -> None:
    court = Court(points=115)
    court.lie()
    assert court.judge.weight(NODE) > 0

    court.lie()
    assert court.points == 15
    assert court.judge.weight(NODE) == 0


def test_the_third_within_thirty_days_suspends_for_thirty_days() -> None:
    court = Court(points=5000)
    court.lie()
    court.wait(DAY)
    assert Change.SUSPENDED not in changes(court.lie())
    court.wait(28 * DAY)

    assert changes(court.lie())[-1] is Change.SUSPENDED
    assert court.judge.weight(NODE) == 0
    assert not court.judge.may_seal(NODE)
    assert court.record.suspended_until == court.now + 30 * DAY
    suspended_by = court.events[-1].seq

    events = court.wait(30 * DAY)
    assert events[-1].change is Change.REINSTATED
    assert events[-1].cause == f"event:{suspended_by}"
    assert court.judge.weight(NODE) > 0


def test_three_over_more_than_thirty_days_do_not_suspend() -> None:
    court = Court(points=5000)
    for _ in range(6):
        court.lie()
        court.wait(15 * DAY)

    assert Change.SUSPENDED not in changes(court.events)


def test_the_second_suspension_lasts_until_members_let_it_go() -> None:
    court = Court(points=5000)
    for _ in range(3):
        court.lie()
    court.wait(30 * DAY)
    for _ in range(3):
        court.lie()

    assert court.record.suspended_until == math.inf
    court.wait(1000 * DAY)
    assert court.record.suspended

    court.tell(SuspensionEnded(node=NODE, by="op", why="Members looked at it."))
    assert not court.record.suspended


def test_a_suspended_node_is_not_suspended_twice_at_once() -> None:
    court = Court(points=5000)
    for _ in range(8):
        court.lie()

    assert changes(court.events).count(Change.SUSPENDED) == 1


def test_what_was_before_a_reinstatement_is_not_counted_again() -> None:
    court = Court(points=5000)
    for _ in range(3):
        court.lie()
    court.tell(SuspensionEnded(node=NODE, by="op", why="A mistake."))

    assert Change.SUSPENDED not in changes(court.lie())


def test_without_slash_nothing_suspends() -> None:
    court = Court(NO_SLASH)
    for _ in range(5):
        court.lie()

    assert not court.record.suspended
    assert court.points == 10
