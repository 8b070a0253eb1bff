from __future__ import annotations

from clubai.reputation.events import Change
from clubai.reputation.facts import CheckKind, ReviewDecided
from clubai.reputation.rules import Rules
from support.standing import DAY, HOUR, NODE, WEEK, Court, changes

OPEN = Rules(escrow=False)


def test_what_a_task_earns_is_held_until_an_audit_is_passed() -> None:
    court = Court()
    (event,) = court.answer()
    assert (event.change, event.points, event.held) == (Change.COMPLETED, 0, 10)
    court.answer()
    assert (court.points, court.record.held) == (100, 20)

    released = court.check(passed=True)[-1]
    assert released.change is Change.RELEASED
    assert (released.points, released.held, released.count) == (20, -20, 2)
    assert released.cause == "check:c1"
    assert (court.points, court.record.held) == (120, 0)


def test_without_escrow_it_counts_at_once() -> None:
    court = Court(OPEN)
    (event,) = court.answer()

    assert (event.points, event.held) == (10, 0)
    assert (court.points, court.record.held) == (110, 0)
    assert changes(court.check(passed=True)) == [Change.PASSED]


def test_a_task_and_a_fast_one_make_fifteen() -> None:
    court = Court(OPEN)
    for _ in range(20):
        court.answer(seconds=10.0)
    court.adjust(100 - court.points)

    assert changes(court.answer(seconds=5.0)) == [Change.COMPLETED, Change.FAST]
    assert court.points == 115


def test_after_seven_days_it_counts_without_an_audit() -> None:
    court = Court()
    court.now += 10 * 60
    court.answer()
    court.now += 2 * HOUR
    court.answer()

    assert court.wait(WEEK - 3 * HOUR) == []
    decay, event = court.wait(HOUR)
    assert decay.change is Change.DECAY
    assert (event.change, event.points, event.count) == (Change.RELEASED, 10, 1)
    assert event.at == court.record.first_at + WEEK
    assert event.cause == "hour:2026-01-05T00:00:00Z"
    assert court.record.held == 10
    court.wait(2 * HOUR)
    assert court.record.held == 0


def test_a_soft_mark_keeps_it_held_until_it_is_cleared() -> None:
    court = Court()
    court.answer()
    court.check(passed=False, kind=CheckKind.AGREEMENT)
    court.wait(3 * WEEK)
    assert court.record.held == 10

    court.complain(5)
    court.tell(
        ReviewDecided(
            node=NODE, review=court.events[-1].seq, upheld=False, by="op", why=""
        )
    )
    court.wait(0)
    assert court.record.held == 0


def test_an_open_review_keeps_it_held() -> None:
    court = Court()
    court.answer()
    court.complain(4)
    court.wait(3 * WEEK)

    assert court.record.held == 10
    assert changes(court.check(passed=True)) == [Change.PASSED, Change.RELEASED]


def test_an_invalid_result_voids_it() -> None:
    court = Court()
    court.answer()
    court.answer()
    events = court.lie()

    assert changes(events) == [Change.INVALID, Change.VOIDED]
    assert (events[1].points, events[1].held, events[1].count) == (0, -20, 2)
    assert (court.points, court.record.held) == (50, 0)
    assert court.check(passed=True)[-1].change is Change.PASSED


def test_the_answer_to_a_check_is_held_and_released_like_any_other() -> None:
    court = Court()
    court.answer(cause="task:ff")
    court.check(passed=True)

    assert court.points == 110


def test_what_is_held_is_kept_by_the_hour_and_so_is_bounded() -> None:
    court = Court()
    for _ in range(1000):
        court.answer()
        court.now += DAY / 1000

    assert len(court.record.escrow) == 24
    assert sum(held.count for held in court.record.escrow) == 1000
