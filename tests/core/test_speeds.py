from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.core.speeds import (
    FASTEST,
    FIRST_GUESS,
    FIRST_SERVICE_S,
    REFERENCE_TOKENS,
    Pace,
    Sample,
    Speed,
    expected_s,
)


def sample(tokens: int = 100, first: float = 1.0, total: float = 6.0) -> Sample:
    return Sample(tokens=tokens, first_token_s=first, total_s=total)


def test_the_rate_counts_from_the_first_token() -> None:
    assert sample().tokens_per_second == 20.0


def test_an_answer_without_tokens_has_no_rate() -> None:
    assert sample(tokens=0).tokens_per_second == 0.0


def test_a_claimed_first_token_cannot_make_the_rest_infinitely_fast() -> None:
    assert sample(first=6.0).tokens_per_second == pytest.approx(100 / 0.6)


def test_an_answer_in_no_time_has_a_bounded_rate() -> None:
    assert sample(tokens=10**9, first=0.0, total=5e-324).tokens_per_second == FASTEST


def test_the_first_sample_is_taken_whole_and_the_next_ones_in_part() -> None:
    speed = Speed()
    speed.add(sample(total=6.0))
    speed.add(sample(total=11.0))

    assert speed.tokens_per_second == pytest.approx(20 + 0.3 * (10 - 20))
    assert speed.first_token_s == 1.0


def test_an_embedding_counts_its_whole_time_as_the_first_token() -> None:
    speed = Speed()
    speed.add(sample(tokens=0, first=0.1, total=2.0))

    assert speed.first_token_s == 2.0
    assert expected_s(speed, 0.0, prior=10.0) == 2.0


def test_an_unmeasured_node_is_expected_to_begin_at_once() -> None:
    assert expected_s(None, 60.0, prior=30.0) == 2.0


def test_a_measured_node_is_expected_by_its_measure() -> None:
    speed = Speed()
    speed.add(sample())

    assert expected_s(speed, 40.0, prior=1.0) == 1.0 + 2.0


def test_the_pace_of_a_model_begins_with_guesses() -> None:
    pace = Pace()

    assert pace.typical == FIRST_GUESS
    assert pace.service_s == FIRST_SERVICE_S
    assert pace.answer_tokens("chat", 0) == REFERENCE_TOKENS


def test_the_typical_speed_is_the_median() -> None:
    pace = Pace()
    for total in (2.0, 6.0, 101.0):
        pace.add(sample(total=total))

    assert pace.typical == 20.0


def test_an_answer_is_expected_as_long_as_usual_and_no_longer_than_asked() -> None:
    pace = Pace()
    pace.add(sample(tokens=80))

    assert pace.answer_tokens("chat", 0) == 80
    assert pace.answer_tokens("chat", 30) == 30
    assert pace.answer_tokens("chat", 4096) == 80
    assert pace.answer_tokens("embedding", 4096) == 0


@given(st.integers(0, 2**31), st.floats(0, 1e7), st.floats(0, 1e7), st.floats(0, 1e5))
def test_no_claim_breaks_the_averages(
    tokens: int, first: float, total: float, wanted: float
) -> None:
    speed, pace = Speed(), Pace()
    for _ in range(2):
        speed.add(sample(tokens, first, total))
        pace.add(sample(tokens, first, total))

    assert 0 <= speed.tokens_per_second <= FASTEST
    assert 0 <= expected_s(speed, wanted, pace.typical) < float("inf")
    assert pace.service_s > 0
