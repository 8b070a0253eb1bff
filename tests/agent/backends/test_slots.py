from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clubai.agent.backends.slots import AdaptiveSlots


def slow(slots: AdaptiveSlots, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        slots.observe(2.1, now=now)


def test_three_slow_requests_in_a_row_halve_the_slots() -> None:
    slots = AdaptiveSlots(8, now=0)
    slow(slots, 2)
    assert slots.limit == 8
    slow(slots, 1)
    assert slots.limit == 4
    slow(slots, 3)
    assert slots.limit == 2


def test_a_quick_request_breaks_the_row() -> None:
    slots = AdaptiveSlots(8, now=0)
    slow(slots, 2)
    slots.observe(2.0, now=0)
    slow(slots, 2)

    assert slots.limit == 8


def test_every_quiet_minute_gives_one_back_up_to_the_ceiling() -> None:
    slots = AdaptiveSlots(4, now=0)
    slow(slots, 6, now=10)
    assert slots.limit == 1

    slots.advance(now=69)
    assert slots.limit == 1
    slots.advance(now=70)
    assert slots.limit == 2
    slots.advance(now=70 + 119)
    assert slots.limit == 3
    slots.advance(now=10_000)
    assert slots.limit == 4


def test_one_slow_request_ends_a_quiet_time() -> None:
    slots = AdaptiveSlots(4, now=0)
    slow(slots, 3, now=0)
    slots.observe(5, now=50)
    slots.advance(now=100)
    assert slots.limit == 2
    slots.advance(now=110)
    assert slots.limit == 3


def test_a_new_ceiling_is_taken() -> None:
    slots = AdaptiveSlots(4, now=0)
    slots.set_ceiling(8)
    assert slots.limit == 8
    slow(slots, 3)
    slots.set_ceiling(16)
    assert slots.limit == 4, "still lowered"
    slots.set_ceiling(2)
    assert slots.limit == 2


@given(
    ceiling=st.integers(-1, 40),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["slow", "quick", "advance", "ceiling"]),
            st.integers(0, 200),
        )
    ),
)
def test_the_limit_stays_between_one_and_the_ceiling(
    ceiling: int, steps: list[tuple[str, int]]
) -> None:
    slots = AdaptiveSlots(ceiling, now=0)
    now = 0.0
    for what, number in steps:
        now += number
        match what:
            case "slow":
                slots.observe(3, now=now)
            case "quick":
                slots.observe(0, now=now)
            case "advance":
                slots.advance(now=now)
            case _:
                ceiling = number
                slots.set_ceiling(number)
        assert 1 <= slots.limit <= max(1, ceiling)
