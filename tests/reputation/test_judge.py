from __future__ import annotations

import pytest

from clubai.model import MemberId, NodeId
from clubai.reputation.events import Change
from clubai.reputation.facts import (
    AnswerMissed,
    LieProved,
    NodeAppeared,
    PointsAdjusted,
)
from clubai.reputation.judge import Judge
from clubai.reputation.rules import CLUB, Rules

NODE = NodeId(b"n" * 32)
OWNER = MemberId("m_owner")
MONDAY = 1767571200.0
"""2026-01-05."""


def judge_with(points: int, rules: Rules = CLUB, now: float = MONDAY) -> Judge:
    judge = Judge(rules)
    judge.tell(NodeAppeared(node=NODE, member=OWNER, models=("m",)), now=now)
    move = PointsAdjusted(node=NODE, points=points - 100, by="op", why="a test")
    judge.tell(move, now=now)
    return judge


def points_of(judge: Judge) -> int:
    record = judge.record(NODE)
    assert record is not None
    return record.points


@pytest.mark.parametrize(
    ("before", "after"), [(115, 65), (65, 15), (2000, 1800), (30, 10)]
)
def test_an_invalid_result_costs_fifty_or_a_tenth(before: int, after: int) -> None:
    judge = judge_with(before)

    judge.tell(LieProved(node=NODE, cause="task:00", why="It lied."), now=MONDAY)

    assert points_of(judge) == after
    assert (judge.weight(NODE) > 0) is (after >= 50)


@pytest.mark.parametrize(("before", "after"), [(1800, 1782), (10, 10), (11, 10)])
def test_a_week_takes_a_hundredth(before: int, after: int) -> None:
    judge = judge_with(before)

    events = judge.advance(now=MONDAY + 7 * 86400)

    assert points_of(judge) == after
    assert [each.change for each in events] == [Change.DECAY] * (before != after)


def test_timeouts_cost_at_most_sixty_an_hour() -> None:
    judge = judge_with(100)
    missed = AnswerMissed(node=NODE, cause="task:00", model="m", why="It was silent.")

    for minute, after in enumerate((80, 60, 40, 40)):
        judge.tell(missed, now=MONDAY + 60 * minute)
        assert points_of(judge) == after
