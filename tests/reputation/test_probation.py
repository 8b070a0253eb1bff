from __future__ import annotations

from clubai.reputation.events import Change
from clubai.reputation.facts import SuspensionEnded
from clubai.reputation.probation import in_probation
from clubai.reputation.record import MOST_MODELS
from clubai.reputation.rules import Rules
from support.standing import DAY, MODEL, NODE, Court, changes


def settled() -> Court:
    court = Court(points=5000)
    for _ in range(20):
        court.check(passed=True)
    court.wait(7 * DAY)
    return court


def test_it_takes_twenty_passed_audits_and_seven_days() -> None:
    court = Court()
    for _ in range(19):
        court.check(passed=True)
    court.wait(7 * DAY)
    assert in_probation(court.record, court.now)
    assert not court.judge.may_seal(NODE)

    court.check(passed=True)
    assert not in_probation(court.record, court.now)
    assert court.judge.may_seal(NODE)


def test_audits_alone_are_not_enough() -> None:
    court = Court()
    for _ in range(30):
        court.check(passed=True)
    court.wait(7 * DAY - 1)
    assert not court.judge.may_seal(NODE)

    court.wait(1)
    assert court.judge.may_seal(NODE)


def test_without_the_policy_nobody_is_new() -> None:
    assert Court(Rules(probation=False)).judge.may_seal(NODE)


def test_an_invalid_result_makes_a_node_new_again() -> None:
    court = settled()
    court.lie()
    for _ in range(20):
        court.check(passed=True)

    assert not court.judge.may_seal(NODE)
    court.wait(7 * DAY)
    assert court.judge.may_seal(NODE)


def test_so_does_a_suspension() -> None:
    court = settled()
    for _ in range(3):
        court.lie()
    for _ in range(20):
        court.check(passed=True)
    court.wait(10 * DAY)
    court.tell(SuspensionEnded(node=NODE, by="op", why="Seen."))

    assert in_probation(court.record, court.now)


def test_a_model_claimed_later_is_new_by_itself() -> None:
    court = settled()
    events = court.appear(MODEL, "huge")
    assert changes(events) == [Change.CLAIMED]
    assert events[0].model == "huge"

    assert court.judge.may_seal(NODE)
    assert court.judge.may_seal(NODE, MODEL)
    assert not court.judge.may_seal(NODE, "huge")
    assert not court.judge.may_seal(NODE, "never offered")

    for _ in range(20):
        court.check(passed=True, model="huge")
    court.wait(7 * DAY)
    assert court.judge.may_seal(NODE, "huge")


def test_models_are_remembered_up_to_a_limit_and_beyond_it_stay_new() -> None:
    court = settled()
    court.appear(*(f"m{number}" for number in range(2 * MOST_MODELS)))

    assert len(court.record.models) == MOST_MODELS
    assert court.appear(f"m{2 * MOST_MODELS}") == []
    assert not court.judge.may_seal(NODE, f"m{2 * MOST_MODELS}")


def test_the_models_of_the_first_day_are_new_as_long_as_the_node() -> None:
    court = Court()
    court.appear(MODEL, "other")
    for _ in range(20):
        court.check(passed=True, model=MODEL)
    court.wait(7 * DAY)

    assert court.judge.may_seal(NODE, "other")
