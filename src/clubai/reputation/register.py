"""The fold of all nodes' events, and the one place where events are made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from clubai.model import MemberId, NodeId
from clubai.reputation.audits import AuditResults
from clubai.reputation.complaints import Complainant
from clubai.reputation.events import Change, StandingEvent
from clubai.reputation.record import Record
from clubai.reputation.rules import Rules

_OF_ALL: Final = frozenset({Change.PASSED, Change.FAILED, Change.CLEARED})
"""Changes of one record that also say something of the club, or of a client."""
_OF_TRUST: Final = frozenset({Change.TRUSTED, Change.UNTRUSTED})


class Register:
    """All records, by node and owner; `put` makes an event, `take` reads one again."""

    def __init__(self, rules: Rules, *, next_seq: int) -> None:
        self.rules = rules
        self.now = 0.0
        self.audits = AuditResults()
        self.records: list[Record] = []
        """In the order in which they joined."""
        self._seq = next_seq
        self._fresh: list[StandingEvent] = []
        self.trusted: dict[NodeId, None] = {}
        """The nodes that are references with their present owners."""
        self._owned: dict[tuple[NodeId, MemberId], Record] = {}
        self._current: dict[NodeId, Record] = {}
        self._by_member: dict[MemberId, list[Record]] = {}
        self._complainants: dict[str, Complainant] = {}

    def current(self, node: NodeId) -> Record | None:
        """The record of the node with its present owner."""
        return self._current.get(node)

    def all_current(self) -> Iterable[Record]:
        """One record of each node."""
        return self._current.values()

    def of_member(self, member: MemberId) -> Iterable[Record]:
        """All records of nodes that this member owns, or once owned."""
        return self._by_member.get(member, ())

    def heard(self, by: str) -> bool:
        """Whether complaints of `by` are looked at."""
        complainant = self._complainants.get(by)
        return complainant is None or complainant.unheard_until <= self.now

    def join(self, node: NodeId, member: MemberId, *, points: int, why: str) -> Record:
        """Make, or bring back, the record of a node with an owner."""
        record = self._owned.get((node, member))
        total = points if record is None else record.points
        event = StandingEvent(
            seq=self._seq,
            at=self.now,
            node=node,
            member=member,
            change=Change.JOINED,
            points=points if record is None else 0,
            total=total,
            cause=f"member:{member}",
            why=why,
        )
        self._add(event)
        return self._current[node]

    def put(
        self,
        record: Record,
        change: Change,
        *,
        points: int = 0,
        held: int = 0,
        count: int = 1,
        model: str = "",
        cause: str,
        by: str = "",
        why: str,
    ) -> StandingEvent:
        """Make an event of a record, and apply it; `points` are cut at the floor."""
        total = record.points
        if points:
            before, total = total, max(self.rules.minimum, total + points)
            points = total - before
        event = StandingEvent(
            seq=self._seq,
            at=self.now,
            node=record.node,
            member=record.member,
            change=change,
            points=points,
            held=held,
            total=total,
            count=count,
            model=model,
            cause=cause,
            by=by,
            why=why,
        )
        self._seq += 1
        self._fresh.append(event)
        record.apply(event)
        if change in _OF_ALL:
            self._fold(event)
        elif change in _OF_TRUST:
            self._note_trust(record.node)
        return event

    def fresh(self) -> list[StandingEvent]:
        """The events made since the last call."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def take(self, event: StandingEvent) -> None:
        """Apply an event that was made before.

        Raises:
            ValueError: its node never joined with this owner.
        """
        self._seq = event.seq + 1
        self.now = max(self.now, event.at)
        if event.change is Change.JOINED:
            self._take_joined(event)
            return
        record = self._owned.get((event.node, event.member))
        if record is None:
            msg = (
                f"event {event.seq} is of a node that never joined with {event.member}"
            )
            raise ValueError(msg)
        record.apply(event)
        if event.change in _OF_ALL:
            self._fold(event)
        elif event.change in _OF_TRUST:
            self._note_trust(event.node)

    def _add(self, event: StandingEvent) -> None:
        self._fresh.append(event)
        self.take(event)

    def _take_joined(self, event: StandingEvent) -> None:
        key = (event.node, event.member)
        record = self._owned.get(key)
        if record is None:
            record = self._owned[key] = Record(
                node=event.node,
                member=event.member,
                first_at=event.at,
                probation_since=event.at,
                index=len(self.records),
            )
            self.records.append(record)
            self._by_member.setdefault(event.member, []).append(record)
        self._current[event.node] = record
        record.apply(event)
        self._note_trust(event.node)

    def _note_trust(self, node: NodeId) -> None:
        self.trusted.pop(node, None)
        if self._current[node].trusted:
            self.trusted[node] = None

    def _fold(self, event: StandingEvent) -> None:
        change = event.change
        if change is Change.PASSED:
            self.audits.add(passed=True)
        elif change is Change.FAILED:
            self.audits.add(passed=False)
        elif change is Change.CLEARED and event.by.startswith("member:"):
            complainant = self._complainants.setdefault(event.by, Complainant())
            complainant.overrule(event.at)
