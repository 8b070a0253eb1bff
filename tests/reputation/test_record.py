from __future__ import annotations

import math

from clubai.reputation.events import Change, StandingEvent
from clubai.reputation.facts import CheckKind
from clubai.reputation.record import Record
from clubai.reputation.sequential import GARBAGE
from support.standing import DAY, HOUR, MODEL, MONDAY, NODE, OWNER


def record() -> Record:
    return Record(node=NODE, member=OWNER, first_at=MONDAY, probation_since=MONDAY)


def event(
    change: Change,
    *,
    at: float = MONDAY,
    points: int = 0,
    held: int = 0,
    count: int = 1,
    cause: str = "task:1",
    by: str = "",
    seq: int = 0,
) -> StandingEvent:
    return StandingEvent(
        seq=seq,
        at=at,
        node=NODE,
        member=OWNER,
        change=change,
        points=points,
        held=held,
        count=count,
        model=MODEL,
        cause=cause,
        by=by,
    )


def test_points_and_what_is_held_are_sums() -> None:
    one = record()
    for points, held in ((100, 0), (0, 10), (0, 5), (15, -15), (-20, 0)):
        one.apply(event(Change.ADJUSTED, points=points, held=held))

    assert (one.points, one.held) == (95, 0)


def test_what_is_released_is_the_oldest() -> None:
    one = record()
    for hour in range(3):
        one.apply(event(Change.COMPLETED, held=10, at=MONDAY + hour * HOUR))
    one.apply(event(Change.FAST, held=5, at=MONDAY + 2 * HOUR))
    one.apply(event(Change.RELEASED, points=20, held=-20, count=2))

    assert [(held.points, held.count) for held in one.escrow] == [(15, 2)]


def test_a_passed_known_answer_leaves_nothing_of_the_test() -> None:
    one = record()
    one.apply(event(Change.PASSED, by=CheckKind.KNOWN_ANSWER))
    assert one.tests == {}
    assert (one.streak, one.audits_passed) == (1, 1)

    one.apply(event(Change.FAILED, by=CheckKind.KNOWN_ANSWER))
    assert one.tests == {(MODEL, "known_answer"): GARBAGE.failed}
    assert one.doubts == {MODEL: MONDAY}
    one.apply(event(Change.CONVICTED, by=CheckKind.KNOWN_ANSWER))
    assert (one.tests, one.doubts) == ({}, {})


def test_an_answer_key_raises_no_doubt_about_known_answers() -> None:
    one = record()
    one.apply(event(Change.FAILED, by=CheckKind.ANSWER_KEY))

    assert one.doubts == {}
    assert one.doubted


def test_confirmed_results_are_remembered_for_thirty_days() -> None:
    one = record()
    for day in (0, 10, 31):
        one.apply(event(Change.INVALID, at=MONDAY + day * DAY))

    assert one.confirmed_at == [MONDAY + 10 * DAY, MONDAY + 31 * DAY]


def test_a_suspension_lasts_as_many_days_as_it_says_or_without_end() -> None:
    one = record()
    one.apply(event(Change.SUSPENDED, count=30, seq=5))
    assert one.suspended_until == MONDAY + 30 * DAY
    assert one.suspended_by == 5
    one.apply(event(Change.REINSTATED, at=MONDAY + DAY))
    assert not one.suspended
    assert one.probation_since == MONDAY + DAY

    one.apply(event(Change.SUSPENDED, count=0))
    assert one.suspended_until == math.inf
    assert one.suspensions == 2


def test_a_review_is_open_until_it_ends() -> None:
    one = record()
    one.apply(event(Change.REVIEW_OPENED, seq=12, by="member:m_a"))
    assert one.open_reviews[12].by == "member:m_a"
    assert one.doubted

    one.apply(event(Change.REVIEW_ENDED, cause="review:12"))
    assert not one.doubted
    assert one.complaints == [(MONDAY, "member:m_a")]
