"""What every store promises of use, asked of each of them."""

from __future__ import annotations

import pytest

from clubai.model import MemberId
from clubai.reputation.days import DAY_S
from clubai.storage import Store
from clubai.storage.usage import DayUse, MemberUse
from support.rows import member_row, task_row

ALICE, BOB = MemberId("m_alice"), MemberId("m_bob")
TODAY = 20_000
NOW = TODAY * DAY_S + 3600.0


@pytest.fixture
async def used(store: Store) -> Store:
    """Alice asked today, ten days ago and long ago; Bob long ago; Carol never."""
    for name in ("alice", "bob", "carol"):
        await store.add_member(member_row(name, id=MemberId(f"m_{name}")))
    times = [
        (ALICE, NOW - 10, "done"),
        (ALICE, float(TODAY * DAY_S), "failed"),
        (ALICE, TODAY * DAY_S - 0.5, "done"),
        (ALICE, NOW - 10 * DAY_S, "done"),
        (ALICE, NOW - 40 * DAY_S, "done"),
        (BOB, NOW - 50 * DAY_S, "done"),
        (MemberId("m_club"), NOW, "done"),
    ]
    await store.append_tasks(
        [
            task_row(
                number,
                member=member,
                created_at=at - 2,
                ended_at=at,
                state=state,
                prompt_tokens=10**number,
                completion_tokens=2 * 10**number,
            )
            for number, (member, at, state) in enumerate(times)
        ]
    )
    return store


async def test_use_is_counted_for_today_and_for_some_days(used: Store) -> None:
    use = await used.use_of_members(today=TODAY * DAY_S, since=NOW - 30 * DAY_S)

    assert use[ALICE] == MemberUse(
        tasks_today=2, tokens_today=33, tokens_30d=3333, last_asked_at=NOW - 12
    )
    assert use[BOB] == MemberUse(last_asked_at=NOW - 50 * DAY_S - 2)
    assert MemberId("m_carol") not in use


async def test_use_by_day_has_the_days_that_are_asked_for(used: Store) -> None:
    every = await used.use_by_day(ALICE, first=TODAY - 10, last=TODAY)

    assert every == {
        TODAY: DayUse(tasks=2, failed=1, prompt_tokens=11, completion_tokens=22),
        TODAY - 1: DayUse(tasks=1, prompt_tokens=100, completion_tokens=200),
        TODAY - 10: DayUse(tasks=1, prompt_tokens=1000, completion_tokens=2000),
    }
    some = await used.use_by_day(ALICE, first=TODAY - 9, last=TODAY - 1)
    assert list(some) == [TODAY - 1]
    assert await used.use_by_day(BOB, first=TODAY, last=TODAY) == {}
