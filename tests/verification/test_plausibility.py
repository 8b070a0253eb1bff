from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clubai.verification.plausibility import Machine, Speed, doubts

FAIR = Speed(
    tokens=100, first_token_ms=200, total_ms=2200, round_trip_ms=30, gaps_ms=(20, 25)
)
GPU = Machine(bandwidth_gb_s=1000, active_gb=10, class_tokens_s=120)


def test_a_fair_speed_raises_no_doubt() -> None:
    assert doubts(FAIR, GPU) == ()


def test_more_than_the_memory_allows() -> None:
    (why,) = doubts(
        Speed(tokens=400, total_ms=1000), Machine(bandwidth_gb_s=1000, active_gb=10)
    )

    assert why == "400 tokens/s, and its memory allows 300"
    assert doubts(Speed(tokens=300, total_ms=1000), GPU.__class__(
        bandwidth_gb_s=1000, active_gb=10
    )) == ()  # fmt: skip


def test_more_than_nearly_all_alike() -> None:
    (why,) = doubts(Speed(tokens=130, total_ms=1000), Machine(class_tokens_s=120))

    assert why == "130 tokens/s, and 99 of 100 alike reach 120 at most"


def test_the_first_token_before_it_can_be_here() -> None:
    (why,) = doubts(
        Speed(tokens=20, first_token_ms=10, total_ms=5000, round_trip_ms=40), GPU
    )

    assert "after 10 ms" in why


def test_gaps_that_are_all_the_same() -> None:
    (why,) = doubts(Speed(tokens=20, total_ms=5000, gaps_ms=(12.5,) * 8), GPU)

    assert why == "8 gaps of 12.5 ms, all the same"
    even = (12.5,) * 7
    assert doubts(Speed(tokens=20, total_ms=5000, gaps_ms=even), GPU) == ()
    assert doubts(Speed(tokens=20, total_ms=5000, gaps_ms=(*even, 12.6)), GPU) == ()


def test_few_tokens_say_nothing_and_many_in_no_time_do() -> None:
    assert doubts(Speed(tokens=15, total_ms=0), GPU) == ()
    assert doubts(Speed(tokens=16, total_ms=0), GPU) == ("16 tokens in no time",)


@given(st.integers(0, 10_000), st.floats(0, 1e6), st.floats(0, 1e6))
def test_where_nothing_is_known_only_no_time_is_doubted(
    tokens: int, first: float, total: float
) -> None:
    speed = Speed(tokens=tokens, first_token_ms=first, total_ms=total)

    assert all("no time" in why for why in doubts(speed, Machine()))
