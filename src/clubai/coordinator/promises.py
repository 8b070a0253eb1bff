"""What owners announce of their nodes: hours that they promise, pauses and drains.

An announcement is stored as an event of the node's standing before it counts, so that
it outlives a restart: `announced` reads it back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

import anyio
import msgspec

from clubai.coordinator.audit import AuditLog
from clubai.coordinator.enrolment import Enrolments
from clubai.coordinator.grants import Member
from clubai.coordinator.roster import Roster
from clubai.core.events import Event, NodePaused
from clubai.core.nodes import Hold
from clubai.errors import ConfigError
from clubai.model import NodeId, node_bytes, node_nickname, node_text
from clubai.reputation.events import Change, StandingEvent
from clubai.reputation.facts import Fact, PauseAnnounced, Promised
from clubai.reputation.hours import next_hour
from clubai.reputation.promise import Schedule, parse_schedule

MAX_WHY: Final = 200
"""Characters of an owner's reason."""
_RESUMED: Final = "resumed"

logger = logging.getLogger(__name__)


class Standing(Protocol):
    """What is told of nodes, and kept."""

    async def tell(self, fact: Fact) -> None:
        """Take a fact in; it is stored when this returns."""


class Counted(Protocol):
    """What is asked of a node's record."""

    @property
    def kept_hours(self) -> int:
        """Promised hours that were kept."""

    @property
    def broken_hours(self) -> int:
        """Promised hours that were not."""


class NodePromise(msgspec.Struct, frozen=True, kw_only=True):
    """What an owner announced of one node, and how it was kept."""

    node: str
    nickname: str
    schedule: str
    """The hours, without the zone; empty: none are promised."""
    zone: str
    counts_from: float | None
    """When the first hour begins that it counts for; None: nothing was announced."""
    kept_hours: int
    broken_hours: int
    state: Hold | Literal[""]
    """Whether the owner keeps new work from it."""
    why: str
    """The owner's reason for that."""


@dataclass(slots=True)
class Announced:
    """What counts of all that owners announced."""

    schedules: dict[NodeId, tuple[Schedule, float]] = field(default_factory=dict)
    """With the time at which each was published."""
    held: dict[NodeId, tuple[Hold, str]] = field(default_factory=dict)
    """With the owners' reasons."""


def announced(events: Iterable[StandingEvent]) -> Announced:
    """Read back what owners announced, from the events of standing in their order."""
    found = Announced()
    for event in events:
        match event.change:
            case Change.PROMISED:
                _read_promise(found, event)
            case Change.PAUSED:
                found.held[event.node] = _read_hold(event.why)
            case Change.RESUMED:
                found.held.pop(event.node, None)
            case Change.JOINED:  # as another member's
                found.schedules.pop(event.node, None)
                found.held.pop(event.node, None)
    return found


class Promises:
    """Takes announcements of owners, and of operators in their place."""

    def __init__(
        self,
        enrolments: Enrolments,
        *,
        roster: Roster,
        standing: Standing,
        record: Callable[[NodeId], Counted | None],
        post: Callable[[Event], bool],
        audit: AuditLog,
        clock: Callable[[], float],
    ) -> None:
        self._enrolments = enrolments
        self._roster = roster
        self._standing = standing
        self._record = record
        self._post = post
        self._audit = audit
        self._clock = clock
        self._said = Announced()
        self._order = anyio.Lock()
        """What is announced last is also stored last."""

    def restore(self, events: Iterable[StandingEvent]) -> Announced:
        """Take up what was announced before a restart; nodes stay held."""
        self._said = announced(events)
        for node, (hold, why) in self._said.held.items():
            self._post_hold(node, hold, why)
        return self._said

    async def show(self, member: Member, node: str) -> NodePromise:
        """What is promised of a node. Raises `PermissionDenied`."""
        return self._shown(await self._find(member, node, "looking at the promise of"))

    async def publish(
        self, member: Member, node: str, schedule: str, zone: str = ""
    ) -> NodePromise:
        """Promise hours, from the next full one on, in place of the last promise.

        Raises:
            PermissionDenied: there is no such node that the member may speak for.
            ConfigError: the hours cannot be understood, or the node never joined.
        """
        wanted = parse_schedule(schedule, zone)
        found = await self._find_joined(member, node, "promising hours of")
        await self._promise(member, found, wanted)
        return self._shown(found)

    async def withdraw(self, member: Member, node: str) -> NodePromise:
        """Promise nothing, from the next full hour on.

        Raises:
            PermissionDenied: there is no such node that the member may speak for.
        """
        found = await self._find(member, node, "withdrawing the promise of")
        await self._promise(member, found, None)
        shown = self._shown(found)
        return msgspec.structs.replace(shown, counts_from=next_hour(self._clock()))

    async def hold(
        self, member: Member, node: str, hold: Hold, why: str = ""
    ) -> NodePromise:
        """Keep new work from a node, here or not; it ends what it has.

        Raises:
            PermissionDenied: there is no such node that the member may speak for.
            ConfigError: `why` is too long, or the node never joined.
        """
        reason = why.strip()
        if len(reason) > MAX_WHY or (reason and not reason.isprintable()):
            fix = f"say it in one line of at most {MAX_WHY} characters"
            raise ConfigError("why", reason[:40], fix)
        found = await self._find_joined(member, node, "pausing")
        with anyio.CancelScope(shield=True):
            async with self._order:
                await self._hold(member, found, hold, reason)
        return self._shown(found)

    async def resume(self, member: Member, node: str) -> NodePromise:
        """Let a node go on. Raises `PermissionDenied`."""
        found = await self._find(member, node, "resuming")
        with anyio.CancelScope(shield=True):
            async with self._order:
                await self._resume(member, found)
        return self._shown(found)

    async def forget(self, member: Member, node: NodeId) -> None:
        """The node was removed for good: it promises nothing more."""
        await self._promise(member, node, None)

    async def _promise(
        self, member: Member, node: NodeId, schedule: Schedule | None
    ) -> None:
        # Whoever asked may go away: what is stored also counts.
        with anyio.CancelScope(shield=True):
            async with self._order:
                before = self._said.schedules.get(node)
                if schedule == (before[0] if before else None):
                    return
                text = "" if schedule is None else str(schedule)
                at = self._clock()
                await self._standing.tell(Promised(node=node, schedule=text))
                if schedule is None:
                    del self._said.schedules[node]
                else:
                    self._said.schedules[node] = (schedule, at)
                action = "promise.withdrawn" if schedule is None else "promise.made"
                await self._write(member, action, node, text)

    async def _hold(self, member: Member, node: NodeId, hold: Hold, why: str) -> None:
        before = self._said.held.get(node)
        if before is not None:
            if before[0] == hold:
                return
            # A record is paused or not: to become another pause it must end once.
            await self._standing.tell(
                PauseAnnounced(node=node, paused=False, why=_RESUMED)
            )
        said = f"{hold}: {why}" if why else hold
        await self._standing.tell(PauseAnnounced(node=node, paused=True, why=said))
        self._said.held[node] = (hold, why)
        self._post_hold(node, hold, why)
        await self._write(member, f"node.{hold}", node, why)

    async def _resume(self, member: Member, node: NodeId) -> None:
        if node not in self._said.held:
            return
        fact = PauseAnnounced(node=node, paused=False, why=_RESUMED)
        await self._standing.tell(fact)
        del self._said.held[node]
        self._post(NodePaused(node=node, paused=False))
        await self._write(member, "node.resumed", node)

    def _post_hold(self, node: NodeId, hold: Hold, why: str) -> None:
        drain = hold == "draining"
        self._post(NodePaused(node=node, paused=True, drain=drain, reason=why))

    async def _find(self, member: Member, node: str, doing: str) -> NodeId:
        named = self._roster.holder(node)
        wanted = node if named is None else node_text(named)
        found = await self._enrolments.find(member, wanted, doing=doing)
        return node_bytes(found.node)

    async def _find_joined(self, member: Member, node: str, doing: str) -> NodeId:
        found = await self._find(member, node, doing)
        if self._roster.owner(found) is None:
            fix = "it has never joined the club: start its agent first"
            raise ConfigError("node", node_nickname(found), fix)
        return found

    async def _write(
        self, member: Member, action: str, node: NodeId, detail: str = ""
    ) -> None:
        await self._audit.write(
            action, actor=member.id, object=node_nickname(node), detail=detail
        )

    def _shown(self, node: NodeId) -> NodePromise:
        record = self._record(node)
        promise = self._said.schedules.get(node)
        hold = self._said.held.get(node)
        return NodePromise(
            node=node_text(node),
            nickname=node_nickname(node),
            schedule=promise[0].hours if promise else "",
            zone=promise[0].zone if promise else "",
            counts_from=next_hour(promise[1]) if promise else None,
            kept_hours=record.kept_hours if record else 0,
            broken_hours=record.broken_hours if record else 0,
            state=hold[0] if hold else "",
            why=hold[1] if hold else "",
        )


def _read_promise(found: Announced, event: StandingEvent) -> None:
    found.schedules.pop(event.node, None)
    if not event.why:
        return
    try:
        schedule = parse_schedule(event.why)
    except ConfigError as error:  # its time zone is not known any more
        logger.warning("a promise of %s is void: %s", node_nickname(event.node), error)
        return
    found.schedules[event.node] = (schedule, event.at)


def _read_hold(why: str) -> tuple[Hold, str]:
    word, _, reason = why.partition(": ")
    return ("draining" if word == "draining" else "paused"), reason
