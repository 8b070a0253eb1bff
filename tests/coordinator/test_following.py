from __future__ import annotations

from collections.abc import Callable, Sequence

import anyio
import pytest

from clubai.coordinator import following
from clubai.coordinator.following import Counts, Follower
from clubai.coordinator.grants import Member
from clubai.coordinator.happenings import Happenings
from clubai.model import ClubStats, NodeSnapshot
from clubai.protocol.feed import (
    ClubEvent,
    FeedGap,
    FeedMessage,
    FeedStats,
    Position,
    read_feed,
    read_position,
)
from clubai.protocol.sse import SseReader
from support.memory_club import ALICE, BOB
from support.scene import Scene


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "TOGETHER_SECONDS", 0.0)


class Watched:
    """A machine, what happens in it, and its followers."""

    def __init__(self, *, size: int = 100) -> None:
        self.scene = Scene()
        self.happenings = Happenings(
            "boot", owner_name=str, node_name=lambda node: "", size=size
        )
        machine = self.scene.machine
        machine.news.task = self.happenings.task
        machine.news.node = self.happenings.node

    def stats(self) -> ClubStats:
        return self.scene.machine.stats(
            now=self.scene.now, started_at=0.0, members=1, tasks_before=0
        )

    def nodes(self) -> Sequence[NodeSnapshot]:
        return self.scene.machine.nodes()

    def counts(self) -> Counts:
        return Counts(self.stats, self.nodes, self.scene.machine.models)

    def follow(self, member: Member = ALICE, since: int | None = None) -> Follower:
        counts = self.counts()
        at = self.happenings.position(member)
        start = None if since is None else Position(at.boot, since)
        return Follower(self.happenings, counts, member, start)

    def run(self, name: str, member: Member = ALICE) -> None:
        self.scene.ask(name, member=member.id)
        self.scene.run("attic", name, 1.0, tokens=5)


async def piece(follower: Follower) -> list[FeedMessage]:
    """The next piece, read; the last `id` is that of the last message."""
    with anyio.fail_after(5):
        events = SseReader().feed(await anext(follower))
    messages = [read_feed(event.name, event.data) for event in events]
    for event, message in zip(events, messages, strict=True):
        position = read_position(event.id)
        assert position is not None
        assert isinstance(message, ClubEvent | FeedStats | FeedGap)
        assert position.seq == message.seq
    return [message for message in messages if message is not None]


async def seqs_until(follower: Follower, done: Callable[[int], bool]) -> list[int]:
    seqs: list[int] = []
    while not seqs or not done(seqs[-1]):
        seqs += [m.seq for m in await piece(follower) if isinstance(m, ClubEvent)]
    return seqs


async def test_first_what_was_missed_then_what_comes() -> None:
    club = Watched()
    club.scene.join("attic")
    club.run("t1")
    follower = club.follow(since=2)

    assert await seqs_until(follower, lambda seq: seq == 6) == [3, 4, 5, 6]

    club.run("t2")
    assert await seqs_until(follower, lambda seq: seq == 11) == [7, 8, 9, 10, 11]


async def test_who_says_nothing_follows_from_now_on() -> None:
    club = Watched()
    club.scene.join("attic")
    follower = club.follow()
    [first] = await piece(follower)
    assert isinstance(first, FeedStats)
    assert (first.seq, first.stats.nodes_alive) == (1, 1)

    club.run("t1")

    assert (await seqs_until(follower, lambda seq: seq == 6))[0] == 2


async def test_what_waits_is_woken_by_what_happens() -> None:
    club = Watched()
    follower = club.follow()
    await piece(follower)
    seen: list[FeedMessage] = []

    async def look() -> None:
        seen.extend(await piece(follower))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look)
        await anyio.wait_all_tasks_blocked()
        club.scene.join("attic")

    assert isinstance(seen[0], ClubEvent)
    assert seen[0].what == "joined"


async def test_a_gap_is_told_once_and_it_goes_on_from_there() -> None:
    club = Watched(size=3)
    club.scene.join("attic")
    club.run("t1")
    follower = club.follow(since=2)

    gap, stats = await piece(follower)
    assert isinstance(gap, FeedGap)
    assert gap == FeedGap(
        boot="boot-operator", seq=6, reason="only the last 3 events are kept"
    )
    assert isinstance(stats, FeedStats)
    club.scene.leave("attic")

    assert await seqs_until(follower, lambda seq: True) == [7]


async def test_who_does_not_keep_up_is_dropped() -> None:
    club = Watched(size=3)
    club.scene.join("attic")
    follower = club.follow()
    await piece(follower)

    club.run("t1")

    with pytest.raises(StopAsyncIteration):
        await piece(follower)
    with pytest.raises(StopAsyncIteration):
        await piece(follower)


async def test_many_are_sent_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST_AT_ONCE", 4)
    club = Watched()
    club.scene.join("attic")
    for number in range(3):
        club.run(f"t{number}")
    follower = club.follow(since=0)

    sizes = []
    while sum(sizes) < club.happenings.ring.last:
        sizes.append(sum(isinstance(each, ClubEvent) for each in await piece(follower)))

    assert sizes == [4, 4, 4, 4]


async def test_a_member_passes_by_what_is_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "MOST_AT_ONCE", 4)
    club = Watched()
    club.scene.join("attic")
    for number in range(5):
        club.run(f"t{number}", ALICE)
    follower = club.follow(BOB, since=1)

    [stats] = await piece(follower)
    assert isinstance(stats, FeedStats)
    assert stats.seq == club.happenings.ring.last == 26
    club.run("his", BOB)

    assert await seqs_until(follower, lambda seq: seq == 31) == [27, 28, 29, 30, 31]


async def test_counts_come_at_most_so_often_and_only_when_they_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(following.anyio, "current_time", lambda: now)
    club = Watched()
    club.scene.join("attic")
    follower = club.follow(since=0)
    kinds = []
    for name in ("t1", "t2"):
        kinds.append({type(each) for each in await piece(follower)})
        club.run(name)
    now += following.STATS_SECONDS
    last = await piece(follower)

    assert kinds == [{ClubEvent, FeedStats}, {ClubEvent}]
    assert isinstance(last[-1], FeedStats)
    assert last[-1].stats.tasks_done == 2


def test_counts_are_of_the_nodes_that_changed() -> None:
    club = Watched()
    club.scene.join("attic")
    club.scene.join("cellar")
    counts = club.counts()
    first = counts.news(2)
    assert first is not None
    assert len(first.nodes) == 2
    club.scene.now += 1
    assert counts.news(2) is None

    club.scene.report("attic")
    beat = counts.news(2)

    assert beat is not None
    [load] = beat.nodes
    assert load.seen_at == club.scene.now
    assert load.id == club.scene.node("attic").id
    assert beat.models is None
    club.scene.report("attic", slots=5)
    more = counts.news(3)
    assert more is not None
    assert more.models == club.scene.machine.models()


async def test_an_ended_one_sends_nothing_more() -> None:
    club = Watched()
    follower = club.follow()
    await piece(follower)
    ended: list[bool] = []

    async def look() -> None:
        with pytest.raises(StopAsyncIteration):
            await piece(follower)
        ended.append(True)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look)
        await anyio.wait_all_tasks_blocked()
        follower.end()

    assert ended == [True]
