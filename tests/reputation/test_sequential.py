from __future__ import annotations

import pytest

from clubai.reputation.facts import CheckKind
from clubai.reputation.sequential import (
    CLEAR,
    CONVICT,
    GARBAGE,
    GROSS,
    POWERS,
    SUBTLE,
    SUBTLE_TEXT,
    Power,
    after,
    expected_to_clear,
    expected_to_convict,
)


@pytest.mark.parametrize(
    ("power", "convict", "clear"),
    [(GARBAGE, 2, 1), (SUBTLE, 5, 3), (GROSS, 3, 2), (SUBTLE_TEXT, 332, 180)],
)
def test_so_many_checks_decide_on_average(
    power: Power, convict: int, clear: int
) -> None:
    assert expected_to_convict(power) == convict
    assert expected_to_clear(power) == clear


def test_the_borders_are_those_of_one_in_a_thousand_and_one_in_twenty() -> None:
    assert pytest.approx(6.86, abs=0.005) == CONVICT
    assert pytest.approx(-3.0, abs=0.01) == CLEAR


def test_each_kind_of_check_moves_the_ratio_by_its_own_power() -> None:
    for kind, power in POWERS.items():
        assert after(1.0, kind, passed=False) == 1.0 + power.failed
        assert after(1.0, kind, passed=True) == 1.0 + power.passed
    assert set(POWERS) == set(CheckKind)


def test_a_known_answer_says_more_than_an_answer_key() -> None:
    assert GARBAGE.failed > SUBTLE.failed > SUBTLE_TEXT.failed > 0
    assert GARBAGE.passed < SUBTLE.passed < SUBTLE_TEXT.passed < 0
