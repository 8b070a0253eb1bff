"""What a screen asked: the last good answer, its age, and why there is no newer."""

from __future__ import annotations

from typing import Any

from clubai.tui.asked import Asked
from clubai.tui.look import Look


def _number(answer: dict[str, Any]) -> int:
    number: int = answer["number"]
    return number


def test_an_answer_has_an_age() -> None:
    asked = Asked(_number)
    assert asked.age(Look(now=100.0)) == "asking the club"

    asked.begin(7.0)
    asked.take({"number": 5}, 100.0)

    assert asked.value == 5
    assert asked.age(Look(now=130.0)) == "asked 30 s ago (r: now)"


def test_a_refusal_keeps_what_was_told_and_says_why() -> None:
    asked = Asked(_number)
    asked.take("you may not", 100.0)
    assert asked.age(Look(now=101.0)) == "not answered: you may not (r: ask again)"

    asked.take({"number": 5}, 102.0)
    asked.take("gone", 110.0)

    assert asked.value == 5
    assert "gone; what is shown is 10 s old" in asked.age(Look(now=112.0))


def test_an_answer_of_another_version_is_a_refusal() -> None:
    asked = Asked(_number)
    asked.take({}, 100.0)

    assert asked.value is None
    assert "cannot read" in asked.refused


def test_it_is_due_after_its_time_and_not_while_it_is_asked() -> None:
    asked = Asked(_number)
    assert asked.due(1000.0, 10.0)

    asked.begin(1000.0)
    assert not asked.due(2000.0, 10.0)

    asked.take({"number": 1}, 1000.0)
    assert not asked.due(1009.0, 10.0)
    assert asked.due(1010.0, 10.0)


def test_it_is_due_when_the_clock_was_set_back() -> None:
    asked = Asked(_number)
    asked.begin(90_000.0)
    asked.take({"number": 1}, 90_000.0)

    assert asked.due(3_600.0, 60.0)
