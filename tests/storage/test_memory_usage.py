"""The two stores count the same."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from clubai.model import MemberId, TaskFacts
from clubai.reputation.days import DAY_S
from clubai.storage import MemoryStore, Store
from clubai.storage.sqlite import SqliteStore
from support.rows import member_row, task_row

NAMES = ("ann", "bob")
MEMBERS = [MemberId(f"m_{name}") for name in NAMES]
TIMES = st.integers(0, 4 * 4).map(lambda quarter: quarter * DAY_S / 4)
TASKS = st.lists(
    st.tuples(
        st.sampled_from(MEMBERS), TIMES, TIMES, st.sampled_from(["done", "failed"])
    ),
    max_size=8,
).map(
    lambda drawn: [
        task_row(number, member=member, created_at=begin, ended_at=end, state=state)
        for number, (member, begin, end, state) in enumerate(drawn)
    ]
)


async def counted(store: Store, tasks: list[TaskFacts], today: int) -> list[object]:
    for name, member in zip(NAMES, MEMBERS, strict=True):
        await store.add_member(member_row(name, id=member))
    await store.append_tasks(tasks)
    told: list[object] = [
        await store.use_of_members(today=today * DAY_S, since=DAY_S / 2)
    ]
    return told + [
        await store.use_by_day(member, first=1, last=today) for member in MEMBERS
    ]


@settings(max_examples=30)
@given(TASKS, st.integers(1, 4))
def test_both_stores_count_the_same(tasks: list[TaskFacts], today: int) -> None:
    async def compare() -> None:
        with TemporaryDirectory() as directory:
            async with SqliteStore.open(Path(directory) / "clubai.db") as sqlite:
                kept = await counted(sqlite, tasks, today)
        assert kept == await counted(MemoryStore(), tasks, today)

    anyio.run(compare)
