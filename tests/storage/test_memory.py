"""The two stores give the same answers; what they promise is in `test_contract`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from hypothesis import given
from hypothesis import strategies as st

from clubai.model import MemberId, NodeId
from clubai.storage import MemoryStore, NodeRow, Store, TaskRow
from clubai.storage.sqlite import SqliteStore
from support.rows import node_row, task_row

MEMBERS = st.sampled_from([MemberId("m_a"), MemberId("m_b")])
NODES = st.builds(
    lambda name, id_, at: node_row(
        name, id=NodeId(bytes([id_]) * 32), first_seen_at=at
    ),
    st.sampled_from(["lab", "LAB", "Straße", "STRASSE", "İ", "i", "é", "É", "e"]),
    st.integers(0, 3),
    st.sampled_from([1.0, 2.0]),
)
TASKS = st.builds(
    lambda number, member, at: task_row(number, member=member, ended_at=at),
    st.integers(0, 9),
    MEMBERS,
    st.sampled_from([1.0, 2.5]),
)


async def story(store: Store, rows: list[NodeRow | list[TaskRow]]) -> list[object]:
    told: list[object] = []
    for row in rows:
        if isinstance(row, NodeRow):
            told.append(await store.put_node(row))
        else:
            await store.append_tasks(row)
    told.append(await store.nodes())
    for limit in (1, 3, 100):
        told.append(await store.tasks(limit=limit))
        told.append(await store.tasks(limit=limit, member=MemberId("m_a")))
    told.append(await store.count_tasks())
    return told


@given(st.lists(st.one_of(NODES, st.lists(TASKS, max_size=4)), max_size=12))
def test_both_stores_tell_the_same_story(rows: list[NodeRow | list[TaskRow]]) -> None:
    async def compare() -> None:
        with TemporaryDirectory() as directory:
            async with SqliteStore.open(Path(directory) / "clubai.db") as sqlite:
                assert await story(sqlite, rows) == await story(MemoryStore(), rows)

    anyio.run(compare)
