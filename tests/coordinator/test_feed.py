from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.feed import Feed, Watch
from clubai.coordinator.happenings import Happenings
from clubai.model import ClubSnapshot, ClubStats
from clubai.storage import MemoryStore
from support.clock import Clock
from support.memory_club import ALICE, BOB, MemoryClub, memory_club
from support.rows import member_row
from support.scripted_backend import ScriptedBackend, say


async def changed(club: MemoryClub) -> None:
    """Let the machine handle something that changes nothing."""
    driver = club.coordinator.driver
    driver.announce()
    await anyio.lowlevel.checkpoint()


async def test_counts_go_on_from_what_the_store_holds(tmp_path: Path) -> None:
    store = MemoryStore()
    await store.add_member(member_row("alice"))
    async with memory_club(tmp_path, store=store) as club:
        await club.add("attic")
        async with club.client() as client:
            await client.ask("Q", model="m")
        assert club.coordinator.feed.stats().tasks_ever == 1

    async with memory_club(tmp_path, store=store) as club:
        stats = club.coordinator.feed.stats()

        assert (stats.members, stats.tasks_ever, stats.tasks_done) == (1, 1, 0)


async def test_times_are_on_the_coordinators_timeline(tmp_path: Path) -> None:
    clock = Clock()
    async with memory_club(tmp_path) as club:
        driver = club.coordinator.driver
        driver.clock = clock
        happenings = Happenings("boot", owner_name=str, node_name=lambda node: "")
        feed = Feed(
            driver, happenings, started_at=clock.now - 60, members=3, tasks_ever=4
        )

        stats = feed.stats()

        assert isinstance(stats, ClubStats)
        assert (stats.started_at, stats.now) == (clock.now - 60, clock.now)
        assert (stats.members, stats.tasks_ever) == (3, 4)


async def test_owners_are_shown_by_name(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        await club.add("attic", owner=ALICE)
        await club.add("cellar", owner=BOB)
        feed = club.coordinator.feed
        assert {n.name: n.owner for n in feed.nodes()} == {
            "attic": "alice",
            "cellar": "bob",
        }

        feed.member_names.clear()

        assert {n.owner for n in feed.nodes()} == {ALICE.id, BOB.id}


async def test_members_see_the_club_and_their_own_tasks(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        await club.add("attic", ScriptedBackend(models=("m", "n")))
        for member in (ALICE, BOB):
            async with club.client(member) as client:
                await client.ask("Q", model="m")
        feed = club.coordinator.feed

        operators, members = feed.snapshot(ALICE), feed.snapshot(BOB)

        assert [task.member for task in operators.tasks] == [BOB.id, ALICE.id]
        assert [task.member for task in members.tasks] == [BOB.id]
        assert members.tasks == feed.tasks(BOB)
        for seen in (operators, members):
            assert [node.name for node in seen.nodes] == ["attic"]
            assert [model.name for model in seen.models] == ["m", "n"]
            assert seen.stats.tasks_done == 2
        assert club.coordinator.snapshot(BOB).tasks == members.tasks


async def test_a_watch_begins_at_once_and_goes_on_with_changes(
    tmp_path: Path,
) -> None:
    async with memory_club(tmp_path) as club:
        watch = club.coordinator.feed.watch(ALICE, 0)
        assert (await anext(watch)).nodes == ()
        seen: list[ClubSnapshot] = []

        async def look() -> None:
            seen.append(await anext(watch))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(look)
            await anyio.wait_all_tasks_blocked()
            assert seen == []
            await club.add("attic")

        assert [node.name for node in seen[0].nodes] == ["attic"]


async def test_a_change_between_two_looks_is_not_missed(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        watch = club.coordinator.feed.watch(ALICE, 0)
        await anext(watch)
        await club.add("attic", ScriptedBackend(say("x")))

        with anyio.fail_after(5):
            snapshot = await anext(watch)

        assert [node.name for node in snapshot.nodes] == ["attic"]


async def test_snapshots_keep_their_distance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with memory_club(tmp_path) as club:
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        monkeypatch.setattr("clubai.coordinator.feed.anyio.sleep", sleep)
        watch = club.coordinator.feed.watch(ALICE, 7.5)
        await anext(watch)
        assert slept == []
        await changed(club)

        await anext(watch)

        assert slept == [7.5]


async def until_ended(watch: Watch) -> int:
    count = 0
    with anyio.fail_after(5):
        async for _ in watch:
            count += 1
    return count


async def test_every_watch_ends_with_the_coordinator(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        feed = club.coordinator.feed
        running = feed.watch(ALICE, 0)
        await anext(running)

        await club.coordinator.close()

        assert await until_ended(running) == 0
        assert await until_ended(feed.watch(ALICE, 0)) == 0


async def test_a_watch_that_waits_ends_too(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        watch = club.coordinator.feed.watch(ALICE, 0)
        counts: list[int] = []

        async def look() -> None:
            counts.append(await until_ended(watch))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(look)
            await anyio.wait_all_tasks_blocked()
            coordinator: Coordinator = club.coordinator
            await coordinator.close()

        assert counts == [1]


async def test_a_watch_ends_for_those_who_may_not_go_on(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        feed = club.coordinator.feed
        hers, his = (aiter(feed.watch(member, 0.0)) for member in (ALICE, BOB))
        for watch in (hers, his):
            await anext(watch)

        feed.end_watches(lambda member: member.id == BOB.id)

        assert isinstance(await anext(hers), ClubSnapshot)
        with pytest.raises(StopAsyncIteration):
            await anext(his)
        feed.end_watches(lambda member: False)
        with pytest.raises(StopAsyncIteration):
            await anext(his)
