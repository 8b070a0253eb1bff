"""One suite for both stores."""

from __future__ import annotations

from clubai.model import MemberId, VerdictFacts
from clubai.storage import Store


def row(number: int, **changes: object) -> VerdictFacts:
    fields = {
        "task": number.to_bytes(16),
        "part": 0,
        "attempt": 1,
        "node": b"n" * 32,
        "member": MemberId("m_alice"),
        "value": 1,
        "score_milli": 250,
        "checked": True,
        "at_ms": 1_800_000_000_000,
        **changes,
    }
    return VerdictFacts(**fields)  # type: ignore[arg-type]


async def test_verdicts_are_kept_as_they_came_newest_first(store: Store) -> None:
    rows = [row(number, checked=number % 2 == 0) for number in range(3)]
    await store.append_verdicts(rows[:2])
    await store.append_verdicts(rows[2:])

    assert await store.verdicts(limit=2) == [rows[2], rows[1]]
    assert await store.verdicts(limit=-1) == []


async def test_a_second_verdict_on_an_attempt_is_skipped(store: Store) -> None:
    await store.append_verdicts([row(1), row(1, value=2), row(1, attempt=2)])

    assert [kept.value for kept in await store.verdicts(limit=9)] == [1, 1]


async def test_nothing_is_nothing(store: Store) -> None:
    await store.append_verdicts([])
    assert await store.verdicts(limit=9) == []
