"""What whoever watches is shown: what the machine knows, frozen, and what happens.

A member sees the club's nodes and models and their own tasks; an operator all tasks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self
from weakref import WeakSet

import anyio
import msgspec

from clubai.coordinator.driver import Driver
from clubai.coordinator.following import Counts, Follower
from clubai.coordinator.grants import Member
from clubai.coordinator.happenings import Happenings
from clubai.model import ClubSnapshot, ClubStats, NodeSnapshot, TaskSnapshot
from clubai.protocol.feed import FeedSnapshot, Position


class Feed:
    """Makes snapshots from the driver's machine, and has what happens followed."""

    def __init__(
        self,
        driver: Driver,
        happenings: Happenings,
        *,
        started_at: float,
        members: int,
        tasks_ever: int,
    ) -> None:
        self._driver = driver
        self._happenings = happenings
        self._started_at = started_at
        self._tasks_before = tasks_ever
        self.members = members
        """Accounts; kept up to date by the routes that make them."""
        self.member_names: dict[str, str] = {}
        """Names by member id, of those who were seen since the start."""
        self.closed = False
        """Nobody gets another snapshot."""
        self._watches: WeakSet[Watch] = WeakSet()
        self._followers: WeakSet[Follower] = WeakSet()

    def stats(self) -> ClubStats:
        """The club's counts now."""
        return self._driver.machine.stats(
            now=self._driver.clock(),
            started_at=self._started_at,
            members=self.members,
            tasks_before=self._tasks_before,
        )

    def nodes(self) -> tuple[NodeSnapshot, ...]:
        """All nodes, with their owners by name where it is known."""
        return tuple(map(self.named, self._driver.machine.nodes()))

    def named(self, node: NodeSnapshot) -> NodeSnapshot:
        """A node with its owner's name, where it is known, in place of the id."""
        name = self.member_names.get(node.owner, node.owner)
        return msgspec.structs.replace(node, owner=name)

    def tasks(self, member: Member) -> tuple[TaskSnapshot, ...]:
        """Their own tasks, live and recent ones; an operator's are all."""
        tasks = self._driver.machine.tasks()
        if member.role == "operator":
            return tasks
        return tuple(task for task in tasks if task.member == member.id)

    def snapshot(self, member: Member) -> ClubSnapshot:
        """What `member` may see now."""
        return ClubSnapshot(
            stats=self.stats(),
            models=self._driver.machine.models(),
            nodes=self.nodes(),
            tasks=self.tasks(member),
        )

    def beginning(self, member: Member) -> FeedSnapshot:
        """What `member` may see now, and from where to follow."""
        now = self.snapshot(member)
        at = self._happenings.position(member)
        return FeedSnapshot(
            stats=now.stats,
            models=now.models,
            nodes=now.nodes,
            tasks=now.tasks,
            boot=at.boot,
            seq=at.seq,
            role=member.role,
        )

    def follow(self, member: Member, since: Position | None) -> Follower:
        """The events after `since`, or from now on."""
        machine = self._driver.machine
        counts = Counts(self.stats, machine.nodes, machine.models)
        follower = Follower(self._happenings, counts, member, since)
        if self.closed:
            follower.end()
        self._followers.add(follower)
        return follower

    def watch(self, member: Member, interval_s: float) -> Watch:
        """A snapshot now and after each change, at most one in `interval_s`."""
        watch = Watch(self, self._driver, member, interval_s)
        self._watches.add(watch)
        return watch

    def end_watches(self, gone: Callable[[Member], bool]) -> None:
        """End what those of whom `gone` is true watch and follow."""
        for follower in list(self._followers):
            if gone(follower.member):
                follower.end()
        ended = [watch for watch in self._watches if gone(watch.member)]
        for watch in ended:
            watch.over = True
        if ended:
            self._driver.announce()

    def close(self) -> None:
        """End every watch: the coordinator is stopping."""
        self.closed = True
        for follower in list(self._followers):
            follower.end()
        self._driver.announce()


class Watch:
    """The snapshots that one watcher gets."""

    def __init__(
        self, feed: Feed, driver: Driver, member: Member, interval_s: float
    ) -> None:
        self._feed = feed
        self._driver = driver
        self.member = member
        self.over = False
        """Its watcher may not go on."""
        self._interval_s = interval_s
        self._changed: anyio.Event | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ClubSnapshot:
        if self._changed is not None:
            await anyio.sleep(self._interval_s)
            await self._changed.wait()
        if self._feed.closed or self.over:
            raise StopAsyncIteration
        self._changed = self._driver.changed
        return self._feed.snapshot(self.member)
