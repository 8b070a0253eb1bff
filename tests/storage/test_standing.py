"""What every store promises of standing, asked of each of them."""

from __future__ import annotations

import msgspec
import pytest

from clubai.errors import StorageError
from clubai.model import NodeId
from clubai.reputation.events import Change
from clubai.storage import Store
from support.rows import standing_event, task_row

OTHER = NodeId(b"\x08" * 32)


async def test_events_come_back_as_they_were_in_order(store: Store) -> None:
    events = [
        standing_event(n, change=change, points=-n, count=n, why="because")
        for n, change in enumerate(Change)
    ]
    await store.append_standing(events[3:])
    await store.append_standing(events[:3])

    assert await store.standing_events() == events
    assert await store.standing_events(since=5) == events[5:]
    assert await store.standing_events(since=-1) == events
    assert await store.standing_events(since=99) == []


async def test_events_of_one_node(store: Store) -> None:
    events = [standing_event(n, node=OTHER if n % 2 else bytes(32)) for n in range(6)]
    await store.append_standing(events)

    assert await store.standing_events(node=OTHER) == events[1::2]
    assert await store.standing_events(node=OTHER, since=2, limit=1) == [events[3]]
    assert await store.standing_events(node=NodeId(b"\x09" * 32)) == []


@pytest.mark.parametrize(
    ("limit", "count"), [(None, 4), (9, 4), (2, 2), (0, 0), (-1, 0)]
)
async def test_at_most_limit(store: Store, limit: int | None, count: int) -> None:
    await store.append_standing([standing_event(n) for n in range(4)])

    found = await store.standing_events(limit=limit)

    assert [event.seq for event in found] == list(range(count))


async def test_tasks_and_what_follows_are_added_together(store: Store) -> None:
    await store.append_tasks([task_row(1)])
    again = msgspec.structs.replace(task_row(1), model="other")

    await store.append_tasks_and_standing([again, task_row(2)], [standing_event()])

    assert await store.tasks(limit=9) == [task_row(2), task_row(1)]
    assert await store.standing_events() == [standing_event()]


@pytest.mark.parametrize("seqs", [(1, 0), (2, 2)])
async def test_event_that_is_there_undoes_all(
    store: Store, seqs: tuple[int, ...]
) -> None:
    first = standing_event()
    await store.append_standing([first])
    events = [standing_event(seq, why="another") for seq in seqs]

    with pytest.raises(StorageError):
        await store.append_tasks_and_standing([task_row(1)], events)
    with pytest.raises(StorageError):
        await store.append_standing(events)

    assert await store.count_tasks() == 0
    assert await store.standing_events() == [first]
    await store.append_tasks_and_standing([task_row(1)], [standing_event(1)])
    assert await store.count_tasks() == 1


async def test_batch_that_breaks_midway_leaves_nothing(store: Store) -> None:
    class Broken(list):  # type: ignore[type-arg]
        def __iter__(self):  # type: ignore[no-untyped-def]
            yield standing_event()
            raise KeyError("midway")

    with pytest.raises(KeyError, match="midway"):
        await store.append_tasks_and_standing([task_row(1)], Broken())

    assert await store.count_tasks() == 0
    assert await store.standing_events() == []


async def test_nothing_is_nothing(store: Store) -> None:
    await store.append_standing([])
    await store.append_tasks_and_standing([], [])

    assert await store.standing_events() == []
