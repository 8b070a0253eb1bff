from __future__ import annotations

import pytest

from clubai.model import MemberId
from clubai.reputation.events import Change
from clubai.reputation.facts import CheckKind, ReviewDecided
from clubai.reputation.rules import Rules
from support.standing import ASKER, DAY, NODE, OWNER, Court, changes

AT_ONCE = Rules(confirmed_only=False)


def review(court: Court) -> int:
    (number,) = court.record.open_reviews
    return number


def decide(court: Court, *, upheld: bool) -> None:
    court.tell(
        ReviewDecided(
            node=NODE, review=review(court), upheld=upheld, by="m_op", why="Looked at."
        )
    )


def test_a_failed_check_by_itself_costs_nothing() -> None:
    for kind in CheckKind:
        court = Court()
        (event,) = court.check(passed=False, kind=kind)

        assert (event.change, event.points, event.cause) == (
            Change.FAILED,
            0,
            "check:c1",
        )
        assert event.by == kind
        assert (court.points, court.record.marks) == (100, 1)


def test_when_proof_is_not_asked_for_it_costs_fifty() -> None:
    court = Court(AT_ONCE)
    events = court.check(passed=False, kind=CheckKind.AGREEMENT)

    assert changes(events) == [Change.FAILED, Change.INVALID]
    assert court.points == 50


def test_two_wrong_known_answers_are_proof() -> None:
    court = Court()
    court.check(passed=False)
    court.check(passed=True)
    court.wait(2 * DAY)
    events = court.check(passed=False)

    assert changes(events) == [Change.FAILED, Change.CONVICTED, Change.INVALID]
    assert [event.points for event in events] == [0, 0, -50]
    assert {event.cause for event in events} == {"check:c1"}


def test_not_when_the_test_cleared_the_first() -> None:
    court = Court()
    court.check(passed=False)
    for _ in range(3):
        court.check(passed=True)

    assert changes(court.check(passed=False)) == [Change.FAILED]


def test_not_when_the_first_is_over_thirty_days_old() -> None:
    court = Court()
    court.check(passed=False)
    court.check(passed=True)
    court.wait(30 * DAY + 1)

    assert changes(court.check(passed=False)) == [Change.FAILED]


def test_not_when_they_are_of_two_models() -> None:
    court = Court()
    court.check(passed=False, model="one")

    assert changes(court.check(passed=False, model="two")) == [Change.FAILED]


@pytest.mark.parametrize(
    ("kind", "failures"), [(CheckKind.ANSWER_KEY, 3), (CheckKind.AGREEMENT, 3)]
)
def test_a_row_of_failures_convicts(kind: CheckKind, failures: int) -> None:
    court = Court()
    for _ in range(failures - 1):
        assert changes(court.check(passed=False, kind=kind)) == [Change.FAILED]

    events = court.check(passed=False, kind=kind)
    assert changes(events) == [Change.FAILED, Change.CONVICTED, Change.INVALID]
    assert court.record.tests == {}
    assert court.record.marks == 0


def test_a_conviction_starts_the_test_anew() -> None:
    court = Court(points=5000)
    for _ in range(2):
        court.check(passed=False)

    assert changes(court.check(passed=False)) == [Change.FAILED]


def test_checks_that_speak_for_a_node_clear_its_marks() -> None:
    court = Court()
    court.check(passed=False, kind=CheckKind.ANSWER_KEY)
    assert court.record.marks == 1

    events = court.check(passed=True)
    assert changes(events) == [Change.PASSED, Change.CLEARED]
    assert court.record.marks == 0
    assert changes(court.check(passed=True)) == [Change.PASSED]


def test_a_signed_lie_needs_no_more_proof() -> None:
    for rules in (Rules(), AT_ONCE):
        court = Court(rules)
        (event,) = court.lie(cause="task:77")

        assert (event.change, event.cause) == (Change.INVALID, "task:77")
        assert court.points == 50


@pytest.mark.parametrize("value", [1, 2, 3])
def test_a_checked_complaint_marks(value: int) -> None:
    court = Court()
    (event,) = court.complain(value, cause="task:12")

    assert (event.change, event.cause, event.by) == (
        Change.MARKED,
        "task:12",
        f"member:{ASKER}",
    )
    assert (court.points, court.record.marks) == (100, 1)
    assert court.complain(value, checked=False) == []


def test_only_a_checked_minority_costs_when_proof_is_not_asked_for() -> None:
    court = Court(AT_ONCE)
    for value in (1, 2, 4, 5):
        assert court.complain(value) == []
    assert court.complain(3, checked=False) == []

    assert changes(court.complain(3)) == [Change.INVALID]
    assert court.points == 50


@pytest.mark.parametrize("value", [4, 5])
def test_other_complaints_open_a_review(value: int) -> None:
    court = Court()
    (event,) = court.complain(value, checked=False, cause="task:12")

    assert (event.change, event.cause) == (Change.REVIEW_OPENED, "task:12")
    assert list(court.record.open_reviews) == [event.seq]
    assert court.points == 100


@pytest.mark.parametrize("value", [-1, 0, 6, 1000])
def test_what_is_no_complaint_changes_nothing(value: int) -> None:
    assert Court().complain(value) == []


def test_an_owner_s_complaint_about_their_own_node_is_not_heard() -> None:
    assert Court().complain(4, asker=OWNER) == []


def test_no_number_of_disagreements_costs_points() -> None:
    court = Court()
    for day in range(60):
        for member in range(5):
            court.complain(
                1 + day % 5, asker=MemberId(f"m_{member}"), cause=f"task:{day}"
            )
        court.now += DAY

    assert (
        sum(event.points for event in court.events if event.change is not Change.DECAY)
        == 100
    )


def test_a_review_that_is_upheld_is_proof() -> None:
    court = Court()
    court.complain(4)
    number = review(court)
    decide(court, upheld=True)

    assert changes(court.events)[-2:] == [Change.REVIEW_ENDED, Change.INVALID]
    assert court.events[-1].cause == f"review:{number}"
    assert court.record.open_reviews == {}
    assert court.points == 50


def test_a_review_that_finds_nothing_clears_the_marks() -> None:
    court = Court()
    court.complain(1)
    court.complain(4)
    decide(court, upheld=False)

    assert changes(court.events)[-2:] == [Change.REVIEW_ENDED, Change.CLEARED]
    assert (court.points, court.record.marks) == (100, 0)


def test_a_review_is_decided_once() -> None:
    court = Court()
    court.complain(4)
    number = review(court)
    decide(court, upheld=True)

    again = ReviewDecided(node=NODE, review=number, upheld=True, by="m_op", why="")
    assert court.tell(again) == []
