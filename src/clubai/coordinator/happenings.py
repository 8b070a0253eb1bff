"""What happens in the club, numbered, and kept for those who follow.

The machine, the audit log and whoever tells facts call in here in the moment that
something happens, so what is told and what a snapshot shows agree at every number.
Nothing here waits, stores or sends: an event is a place in a ring, and the change of a
task, the most frequent one, is made into an event only when somebody reads it.
Followers wait for `changed`, and read on from where they were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from clubai.coordinator.audit import AuditLog
from clubai.coordinator.grants import Member
from clubai.coordinator.ring import RING_SIZE, Ring
from clubai.core.moment import TaskMoment
from clubai.core.news import News, NodeNews
from clubai.core.nodes import Node, node_snapshot
from clubai.core.tasks import Task
from clubai.model import NodeId, NodeSnapshot, node_nickname, node_text
from clubai.protocol.feed import (
    CheckOutcome,
    ClubEvent,
    EventKind,
    Position,
    StandingChange,
)
from clubai.reputation.events import Change, StandingEvent
from clubai.reputation.facts import CheckEnded, Fact
from clubai.storage.access import AuditRow
from clubai.transport.bell import Bell

FOR_ALL: Final[frozenset[EventKind]] = frozenset(
    ("node", "standing", "review", "month")
)
_Moved = tuple[float, TaskMoment]
"""When a task changed, and how it was then: not yet made into an event."""
_REVIEWS: Final = {Change.REVIEW_OPENED: "opened", Change.REVIEW_ENDED: "ended"}


def may_see(event: ClubEvent, member: Member) -> bool:
    """Whether an event is for `member`: their own tasks, nodes, standing, months."""
    if member.role == "operator" or event.kind in FOR_ALL:
        return True
    return event.task is not None and event.task.member == member.id


class Happenings:
    """The events of one coordinator's process."""

    def __init__(
        self,
        boot: str,
        *,
        owner_name: Callable[[str], str],
        node_name: Callable[[NodeId], str],
        size: int = RING_SIZE,
    ) -> None:
        self.boot = boot
        """Names this process."""
        self.ring: Ring[ClubEvent | _Moved] = Ring(size)
        self._owner_name = owner_name
        self._node_name = node_name
        self._waiting: list[Bell] = []

    def listen(self, news: News, audit: AuditLog) -> None:
        """Be told from now on."""
        news.task, news.node = self.task, self.node
        news.standing, news.fact = self.standing, self.fact
        audit.on_written = self.written

    def position(self, member: Member) -> Position:
        """Of a member who has seen everything that is for them.

        Their role is part of it: who is given another one has to begin anew.
        """
        return Position(f"{self.boot}-{member.role}", self.ring.last)

    def gap(self, position: Position, member: Member) -> str:
        """Why a member cannot go on from there; empty: they can."""
        if position.boot != self.position(member).boot:
            if position.boot.startswith(self.boot):
                return "what you may see has changed"
            return "the coordinator was started anew"
        if position.seq > self.ring.last:
            return "there was no such event yet"
        if not self.ring.has_after(position.seq):
            return f"only the last {self.ring.size} events are kept"
        return ""

    def read(self, seq: int, limit: int, member: Member) -> tuple[list[ClubEvent], int]:
        """Look through the `limit` events after number `seq`, as far as they are kept.

        Gives those that are for `member`, and the number of the last one that was
        looked at.
        """
        operator = member.role == "operator"
        number = max(seq, self.ring.first - 1)
        events = []
        for thing in self.ring.after(seq, limit):
            number += 1
            event = thing
            if isinstance(event, tuple):
                if not operator and event[1].request.member != member.id:
                    continue
                event = _shown(number, *event)
                self.ring.put(number, event)  # the next one finds it made
            if may_see(event, member):
                events.append(event)
        return events, number

    async def changed(self, bell: Bell) -> None:
        """Wait, on a bell of one's own, until there is more, or `wake` is called."""
        self._waiting.append(bell)
        try:
            await bell.wait()
        finally:
            if bell in self._waiting:
                self._waiting.remove(bell)

    def wake(self) -> None:
        """Wake all who wait."""
        waiting, self._waiting = self._waiting, []
        for bell in waiting:
            bell.ring()

    def task(self, task: Task, now: float) -> None:
        """A task changed."""
        self.ring.add((now, task.moment()))
        if self._waiting:
            self.wake()

    def node(self, node: Node, news: NodeNews, now: float) -> None:
        """Something became of a node."""
        state = "lost" if news == "lost" else node.state
        shown = msgspec.structs.replace(
            node_snapshot(node, state), owner=self._owner_name(node.owner)
        )
        self._add("node", news, now, node=shown)

    def standing(self, events: Sequence[StandingEvent]) -> None:
        """Nodes' standing changed."""
        for event in events:
            review = _REVIEWS.get(event.change, "")
            self._add(
                "review" if review else "standing",
                review or event.change.value,
                event.at,
                standing=StandingChange(
                    number=event.seq,
                    node=node_text(event.node),
                    name=self._name(event.node),
                    change=event.change.value,
                    points=event.points,
                    held=event.held,
                    total=event.total,
                    count=event.count,
                    model=event.model,
                    cause=event.cause,
                    why=event.why,
                ),
            )

    def fact(self, fact: Fact, now: float) -> None:
        """A fact was told from outside: of these, how checks ended is news."""
        if not isinstance(fact, CheckEnded):
            return
        check = CheckOutcome(
            id=fact.check,
            node=node_text(fact.node),
            name=self._name(fact.node),
            model=fact.model,
            kind=fact.kind,
            passed=fact.passed,
            why=fact.why,
        )
        self._add("check", "passed" if fact.passed else "failed", now, check=check)

    def written(self, row: AuditRow) -> None:
        """A line is in the audit log: members and months are taken from there."""
        match row.action:
            case "member.registered":
                self._of("member", "joined", row)
            case "role.changed":
                self._of("member", "role", row)
            case "month.closed":
                self._of("month", "closed", row)

    def _of(self, kind: EventKind, what: str, row: AuditRow) -> None:
        self._add(kind, what, row.at, subject=row.object, detail=row.detail)

    def _name(self, node: NodeId) -> str:
        return self._node_name(node) or node_nickname(node)

    def _add(
        self,
        kind: EventKind,
        what: str,
        at: float,
        *,
        node: NodeSnapshot | None = None,
        standing: StandingChange | None = None,
        check: CheckOutcome | None = None,
        subject: str = "",
        detail: str = "",
    ) -> None:
        self.ring.add(
            ClubEvent(
                seq=self.ring.last + 1,
                at=at,
                kind=kind,
                what=what,
                node=node,
                standing=standing,
                check=check,
                subject=subject,
                detail=detail,
            )
        )
        if self._waiting:
            self.wake()


def _shown(seq: int, at: float, moment: TaskMoment) -> ClubEvent:
    task = moment.snapshot()
    return ClubEvent(seq=seq, at=at, kind="task", what=task.state, task=task)
