from __future__ import annotations

from hypothesis import event, given
from hypothesis import strategies as st

from clubai.coordinator.ring import Ring


@given(
    size=st.integers(1, 8),
    count=st.integers(0, 30),
    seq=st.integers(-3, 35),
    limit=st.integers(-1, 12),
)
def test_what_is_kept_are_the_last_ones(
    size: int, count: int, seq: int, limit: int
) -> None:
    ring: Ring[str] = Ring(size)
    for number in range(1, count + 1):
        ring.add(f"thing {number}")
    kept = range(max(count - size, 0) + 1, count + 1)
    event(f"evicted: {count > size}, of it: {seq + 1 < kept.start}")

    assert (ring.first, ring.last) == (kept.start, count)
    assert ring.has_after(seq) == (
        0 <= seq <= count and all(n in kept for n in range(seq + 1, count + 1))
    )
    wanted = [number for number in kept if number > seq]
    assert ring.after(seq, limit) == [f"thing {n}" for n in wanted[: max(limit, 0)]]


@given(
    size=st.integers(1, 6),
    steps=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4)), max_size=20),
)
def test_who_follows_gets_each_once_or_knows_that_it_did_not(
    size: int, steps: list[tuple[int, int]]
) -> None:
    ring: Ring[int] = Ring(size)
    at, gaps = 0, 0
    seen: list[int] = []
    for added, limit in steps:
        for _ in range(added):
            ring.add(ring.last + 1)
        if not ring.has_after(at):
            gaps += 1
            at = ring.last
        for number in ring.after(at, limit):
            seen.append(number)
            at = number

    assert seen == sorted(set(seen))
    if not gaps:
        assert seen == list(range(1, at + 1))


def test_one_that_is_kept_can_be_replaced() -> None:
    ring: Ring[str] = Ring(2)
    for thing in "abc":
        ring.add(thing)

    ring.put(2, "B")

    assert ring.after(0, 9) == ["B", "c"]
