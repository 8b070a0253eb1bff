from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from clubai.core.deadlines import Deadlines


def test_the_earliest_wake_up_is_next() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.wake("late", by=9.0)
    deadlines.wake("soon", by=3.0)

    assert deadlines.next() == 3.0


def test_a_later_wake_up_leaves_the_sooner_one() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.wake("key", by=3.0)
    deadlines.wake("key", by=9.0)

    assert deadlines.take_due(3.0) == ["key"]
    assert deadlines.next() == math.inf


def test_a_sooner_wake_up_replaces_the_later_one() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.wake("key", by=9.0)
    deadlines.wake("key", by=3.0)

    assert deadlines.take_due(3.0) == ["key"]
    assert deadlines.take_due(9.0) == []


def test_a_forgotten_key_is_not_woken() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.wake("key", by=3.0)
    deadlines.forget("key")

    assert deadlines.next() == math.inf
    assert deadlines.take_due(9.0) == []


def test_keys_come_due_in_the_order_of_their_times() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for key, when in (("b", 2.0), ("c", 3.0), ("a", 1.0), ("b2", 2.0)):
        deadlines.wake(key, by=when)

    assert deadlines.take_due(2.0) == ["a", "b", "b2"]
    assert deadlines.take_due(3.0) == ["c"]


def test_a_grain_lets_keys_share_a_wake_up_and_never_comes_early() -> None:
    deadlines: Deadlines[str] = Deadlines(grain_s=0.5)
    deadlines.wake("a", by=1.1)
    deadlines.wake("b", by=1.4)

    assert deadlines.next() == 1.5
    assert deadlines.take_due(1.4) == []
    assert deadlines.take_due(1.5) == ["a", "b"]


def test_dead_entries_do_not_pile_up() -> None:
    deadlines: Deadlines[int] = Deadlines()
    for key in range(10_000):
        deadlines.wake(key, by=1e9)
        deadlines.forget(key)

    assert len(deadlines._heap) < 200
    assert len(deadlines) == 0


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("wake"), st.integers(0, 5), st.integers(0, 50)),
            st.tuples(st.just("forget"), st.integers(0, 5), st.just(0)),
            st.tuples(st.just("take"), st.just(0), st.integers(0, 50)),
        )
    )
)
def test_it_agrees_with_a_plain_table(steps: list[tuple[str, int, int]]) -> None:
    deadlines: Deadlines[int] = Deadlines()
    table: dict[int, float] = {}
    for what, key, when in steps:
        if what == "wake":
            deadlines.wake(key, by=float(when))
            table[key] = min(table.get(key, 1e9), float(when))
        elif what == "forget":
            deadlines.forget(key)
            table.pop(key, None)
        else:
            due = {key for key, at in table.items() if at <= when}
            taken = deadlines.take_due(float(when))
            assert set(taken) == due
            assert len(taken) == len(due)
            for gone in due:
                del table[gone]
        assert deadlines.next() == min(table.values(), default=math.inf)
        assert len(deadlines) == len(table)
