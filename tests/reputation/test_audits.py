from __future__ import annotations

import pytest

from clubai.reputation.audits import AuditResults, audit_rate, owed_after
from clubai.reputation.events import Change
from clubai.reputation.facts import NodeAppeared
from clubai.reputation.judge import Judge
from clubai.reputation.record import Record
from clubai.reputation.rules import ASKED, CLUB, Rules
from support.standing import MONDAY, NODE, OWNER, Court


def rate(
    streak: int, rules: Rules = CLUB, *, new: bool = False, bad: bool = False
) -> float:
    record = Record(
        node=NODE,
        member=OWNER,
        first_at=0.0,
        probation_since=0.0,
        probation_passes=0 if new else 20,
        streak=streak,
    )
    return audit_rate(record, rules, now=MONDAY, bad_times=bad)


def test_the_rate_falls_with_the_row_of_passed_audits() -> None:
    assert rate(0) == 1
    assert rate(10) == 0.5
    assert rate(90) == pytest.approx(0.1)
    assert rate(190) == rate(10_000) == 0.05


def test_a_new_node_is_audited_one_time_in_four_at_least() -> None:
    assert rate(10_000, new=True) == 0.25
    assert rate(10, new=True) == 0.5
    assert rate(10_000, Rules(probation=False), new=True) == 0.05


def test_in_bad_times_the_lowest_rate_is_one_in_ten() -> None:
    assert rate(10_000, bad=True) == 0.1
    assert rate(10, bad=True) == 0.5


def test_without_the_policy_it_is_one_in_ten() -> None:
    for streak in (0, 10_000):
        assert rate(streak, ASKED, new=True, bad=True) == 0.1


def test_a_stranger_is_always_audited() -> None:
    assert audit_rate(None, CLUB, now=0.0, bad_times=False) == 1.0


def test_an_invalid_result_brings_the_rate_back_to_one() -> None:
    court = Court()
    for _ in range(30):
        court.check(passed=True)
    assert court.judge.audit_rate(NODE) == 0.25
    court.lie()

    assert court.judge.audit_rate(NODE) == 1.0


def test_more_than_one_in_a_hundred_is_bad() -> None:
    results = AuditResults()
    assert not results.bad
    for _ in range(1000):
        results.add(passed=True)
    for _ in range(10):
        results.add(passed=False)
    assert not results.bad

    results.add(passed=False)
    assert results.bad

    for _ in range(990):
        results.add(passed=True)
    assert not results.bad


def test_doubted_nodes_owe_audits_at_once() -> None:
    court = Court()
    owed = {
        event.change: owed_after(event, CLUB)
        for event in [*court.lie(), *court.check(passed=False)]
    }

    assert owed[Change.INVALID] == 20
    assert owed[Change.FAILED] == 6


def test_new_nodes_owe_audits_at_once() -> None:
    joined, *_ = Judge(CLUB).tell(NodeAppeared(node=NODE, member=OWNER), now=MONDAY)

    assert owed_after(joined, CLUB) == 20
    assert owed_after(joined, ASKED) == 0


def test_work_makes_a_node_owe_nothing_at_once() -> None:
    court = Court()
    events = [*court.answer(), *court.check(passed=True)]

    assert events
    assert not any(owed_after(event, CLUB) for event in events)
