from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.verification.calibration import (
    LEAST_SHARE,
    Calibration,
    Tally,
    Tried,
    bounds,
)


def tried(
    passed: int, failed: int, template: str = "t", model: str = "m"
) -> list[Tried]:
    right = Tried(model=model, template=template, passed=True)
    wrong = Tried(model=model, template=template, passed=False)
    return [right] * passed + [wrong] * failed


@pytest.mark.parametrize(
    ("tries", "passed", "allowed"),
    [(0, 0, False), (132, 132, False), (133, 133, True), (221, 220, False),
     (222, 221, True), (1000, 980, False), (50, 49, False)],
)  # fmt: skip
def test_it_takes_so_many_right_answers(tries: int, passed: int, allowed: bool) -> None:
    assert Tally(tries, passed).allowed is allowed


@pytest.mark.parametrize(
    ("tries", "passed", "hopeless"),
    [(0, 0, False), (1, 0, True), (2, 1, True), (20, 19, False), (30, 28, True)],
)
def test_what_cannot_come_there_is_given_up(
    tries: int, passed: int, hopeless: bool
) -> None:
    assert Tally(tries, passed).hopeless is hopeless


def test_a_model_that_passes_none_has_no_known_answers() -> None:
    calibration = Calibration(tried(0, 3, "a") + tried(5, 5, "b"))

    assert calibration.allowed("m", ("a", "b")) == ()
    assert calibration.wanting("m", ("a", "b")) is None


def test_a_template_counts_for_the_model_that_was_tried() -> None:
    calibration = Calibration(tried(200, 0))

    assert calibration.allowed("m", ("t", "u")) == ("t",)
    assert calibration.allowed("other", ("t", "u")) == ()


def test_a_template_is_lost_again_when_it_fails() -> None:
    calibration = Calibration(tried(200, 0))
    for each in tried(0, 4):
        calibration.apply(each)

    assert calibration.allowed("m", ("t",)) == ()


def test_the_template_that_is_nearest_is_tried_next() -> None:
    calibration = Calibration(
        tried(200, 0, "done") + tried(3, 0, "new") + tried(9, 0, "near")
    )

    assert calibration.wanting("m", ("done", "new", "near", "none")) == "near"


@given(st.integers(1, 2000), st.floats(0, 1))
def test_the_bounds_are_around_the_share(tries: int, part: float) -> None:
    passed = round(tries * part)
    low, high = bounds(Tally(tries, passed))

    share = passed / tries
    assert -1e-9 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1 + 1e-9
    assert not (low >= LEAST_SHARE and high < LEAST_SHARE)


@given(st.lists(st.booleans(), max_size=60))
def test_the_order_of_the_answers_does_not_count(answers: list[bool]) -> None:
    rows = [Tried(model="m", template="t", passed=each) for each in answers]

    assert (
        Calibration(rows).tally("m", "t")
        == Calibration(reversed(rows)).tally("m", "t")
        == Tally(len(answers), sum(answers))
    )
