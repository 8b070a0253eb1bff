"""Nodes' standing for those who look at it, and for those who may decide about it.

The points are the judge's, in the machine. Here is who may see and tell what: owners
and members see all standing, moderators and operators end reviews, operators make nodes
references for others. Everything that is told is stored before the call returns.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from clubai.coordinator.audit import AuditLog
from clubai.coordinator.driver import Driver
from clubai.coordinator.grants import Member, require, require_role
from clubai.coordinator.roster import Roster
from clubai.core.events import FactTold
from clubai.errors import ConfigError, PermissionDenied, RateLimited
from clubai.model import NodeId, node_nickname, node_text
from clubai.reputation.events import Change, StandingEvent
from clubai.reputation.facts import (
    Fact,
    PointsAdjusted,
    ReviewDecided,
    SuspensionEnded,
    TrustChanged,
)
from clubai.reputation.judge import Judge
from clubai.reputation.record import Record
from clubai.storage.base import Store
from clubai.storage.checks import CheckRow

REASON_LENGTH: Final = 500
MOST_POINTS: Final = 1_000_000
DECIDING: Final = ("operator", "moderator")

Word = Literal["proven", "probation", "checks only", "suspended"]


class StandingSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How one node stands."""

    id: str
    nickname: str
    name: str
    owner: str
    points: int
    held: int
    """Points in escrow."""
    state: Word
    trusted: bool
    audit_rate: float
    """The share of its tasks that are audited, 0.05 to 1."""
    streak: int
    """Audits passed in a row."""
    audits_passed: int
    marks: int
    """Soft marks: disagreements and complaints that no review has settled."""
    open_reviews: tuple[int, ...]
    suspended_until: float | None
    """None: it is not, or until a review by the members."""
    kept_hours: int
    broken_hours: int
    schedule: str


class StandingLine(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a node's standing, for people."""

    seq: int
    at: float
    change: Change
    points: int
    held: int
    total: int
    count: int
    model: str
    cause: str
    why: str


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """One review: why it was opened, and what there is to judge by."""

    seq: int
    at: float
    node: str
    nickname: str
    name: str
    why: str
    cause: str
    open: bool
    outcome: str = ""
    evidence: tuple[CheckRow, ...] = ()


class Standings:
    """The standing of one coordinator's nodes."""

    def __init__(
        self,
        judge: Judge,
        driver: Driver,
        store: Store,
        *,
        roster: Roster,
        audit: AuditLog,
        owner_name: Callable[[str], str],
    ) -> None:
        self._judge = judge
        self._driver = driver
        self._store = store
        self._roster = roster
        self._audit = audit
        self._owner_name = owner_name

    async def tell(self, fact: Fact) -> None:
        """Tell the judge; what follows is stored when this returns.

        Raises:
            RateLimited: the coordinator is too far behind to take it.
        """
        if not await self._driver.settle(FactTold(fact=fact)):
            raise RateLimited("changes of standing at once", 1.0)

    def trusted(self) -> tuple[NodeId, ...]:
        """The nodes that are references."""
        return self._judge.trusted()

    def in_probation(self, node: NodeId) -> bool:
        """Whether a node is new, or kept from members' work."""
        return not self._judge.may_seal(node)

    def doubted(self, node: NodeId) -> bool:
        """Whether a node is suspended, marked or under review."""
        record = self._judge.record(node)
        return record is None or record.suspended or record.doubted

    def all(self, asker: Member) -> list[StandingSummary]:
        """Every node's standing, the most points first. Raises `PermissionDenied`."""
        require(asker, "looking at the nodes' standing", "read")
        records = sorted(self._judge.records(), key=lambda r: (-r.points, r.node))
        return [self._summary(record) for record in records]

    async def of(
        self, asker: Member, node: str, *, limit: int, before: int | None = None
    ) -> tuple[StandingSummary, list[StandingLine]]:
        """One node's standing and its last changes, the newest first.

        Raises:
            PermissionDenied: the asker may not look.
            ConfigError: there is no such node, or more than one.
        """
        require(asker, "looking at a node's standing", "read")
        record = self.find(node)
        events = await self._store.standing_events(node=record.node)
        if before is not None:
            events = [event for event in events if event.seq < before]
        lines = [_line(event) for event in reversed(events[-limit:])]
        return self._summary(record), lines

    async def reviews(self, asker: Member, *, every: bool = False) -> list[Review]:
        """The open reviews, or all, the oldest first. Raises `PermissionDenied`."""
        require_role(asker, "reading reviews", *DECIDING, "auditor")
        if not every:
            seqs = {seq for r in self._judge.records() for seq in r.open_reviews}
            if not seqs:
                return []
        events = await self._store.standing_events()
        ended = {
            event.cause: event
            for event in events
            if event.change is Change.REVIEW_ENDED
        }
        reviews = []
        for event in events:
            if event.change is not Change.REVIEW_OPENED:
                continue
            end = ended.get(f"review:{event.seq}")
            if every or end is None:
                reviews.append(self._review(event, end))
        return reviews

    async def review(self, asker: Member, seq: int) -> Review:
        """One review with its evidence.

        Raises:
            PermissionDenied: the asker may not read reviews.
            ConfigError: there is no such review.
        """
        for review in await self.reviews(asker, every=True):
            if review.seq == seq:
                return msgspec.structs.replace(
                    review, evidence=await self._evidence(review)
                )
        raise ConfigError("review", seq, "`clubai review` lists those there are")

    async def check(self, asker: Member, check: str) -> CheckRow:
        """What was asked and answered in one check.

        Owners see those that their own nodes failed; who looks after the club, all.

        Raises:
            PermissionDenied: the asker may not see it, or there is no such check.
        """
        require(asker, "reading a check", "read")
        row = await self._store.check(check)
        record = None if row is None else self._judge.record(row.node)
        own = record is not None and record.member == asker.id
        looks_after = asker.grants.login and asker.role in (*DECIDING, "auditor")
        if row is None or not (looks_after or (own and not row.passed)):
            action = f"reading the check {check[:80]!r}"
            raise PermissionDenied(action, "you have no failed check with this id")
        return row

    async def decide(self, asker: Member, seq: int, *, upheld: bool, why: str) -> None:
        """End a review: `upheld` says that the answer was invalid.

        Raises:
            PermissionDenied: the asker may not decide, or it is about their own node.
            ConfigError: there is no such open review, or no reason was given.
        """
        require_role(asker, "ending a review", *DECIDING)
        for record in self._judge.records():
            if seq in record.open_reviews:
                break
        else:
            raise ConfigError("review", seq, "`clubai review` lists the open ones")
        if record.member == asker.id and asker.role != "operator":
            reason = "it is about your own node: somebody else has to"
            raise PermissionDenied("ending this review", reason)
        reason = _reason(why)
        fact = ReviewDecided(
            node=record.node, review=seq, upheld=upheld, by=asker.id, why=reason
        )
        await self.tell(fact)
        outcome = "upheld" if upheld else "dismissed"
        await self._write(asker, f"review.{outcome}", record.node, f"{seq}: {reason}")

    async def set_trusted(self, asker: Member, node: str, trusted: bool) -> NodeId:
        """Make a node a reference for others, or take that back.

        Raises:
            PermissionDenied: the asker is no operator.
            ConfigError: there is no such node.
        """
        require_role(asker, "trusting a node", "operator")
        record = self.find(node)
        await self.tell(TrustChanged(node=record.node, trusted=trusted, by=asker.id))
        action = "node.trusted" if trusted else "node.untrusted"
        await self._write(asker, action, record.node)
        return record.node

    async def adjust(self, asker: Member, node: str, *, points: int, why: str) -> None:
        """Move a node's points by hand.

        Raises:
            PermissionDenied: the asker is no operator.
            ConfigError: there is no such node, no reason, or too many points.
        """
        require_role(asker, "moving points", "operator")
        record = self.find(node)
        if not 0 < abs(points) <= MOST_POINTS:
            fix = f"give a number other than 0, at most {MOST_POINTS}"
            raise ConfigError("points", points, fix)
        reason = _reason(why)
        fact = PointsAdjusted(node=record.node, points=points, by=asker.id, why=reason)
        await self.tell(fact)
        await self._write(asker, "points.moved", record.node, f"{points:+}: {reason}")

    async def reinstate(self, asker: Member, node: str, *, why: str) -> None:
        """Let a suspended node work again.

        Raises:
            PermissionDenied: the asker may not decide.
            ConfigError: there is no such node, it is not suspended, or no reason.
        """
        require_role(asker, "ending a suspension", *DECIDING)
        record = self.find(node)
        if not record.suspended_until:
            raise ConfigError("node", node[:80], "it is not suspended")
        reason = _reason(why)
        await self.tell(SuspensionEnded(node=record.node, by=asker.id, why=reason))
        await self._write(asker, "node.reinstated", record.node, reason)

    def find(self, node: str) -> Record:
        """The record of the node with this name, nickname or beginning of its id.

        Raises:
            ConfigError: there is no such node, or more than one.
        """
        wanted = node.casefold()
        by_name = self._roster.holder(node)
        found = [
            record
            for record in self._judge.records()
            if record.node == by_name
            or (len(wanted) >= 4 and node_text(record.node).startswith(wanted))
        ]
        if len(found) == 1:
            return found[0]
        many = "several nodes begin so: give more of the id"
        fix = many if found else "`clubai reputation` lists the nodes"
        raise ConfigError("node", node[:80], fix)

    def _summary(self, record: Record) -> StandingSummary:
        until = record.suspended_until
        return StandingSummary(
            id=node_text(record.node),
            nickname=node_nickname(record.node),
            name=self._roster.name(record.node),
            owner=self._owner_name(record.member),
            points=record.points,
            held=record.held,
            state=self._word(record),
            trusted=record.trusted,
            audit_rate=self._judge.audit_rate(record.node),
            streak=record.streak,
            audits_passed=record.audits_passed,
            marks=record.marks,
            open_reviews=tuple(record.open_reviews),
            suspended_until=until if 0 < until < math.inf else None,
            kept_hours=record.kept_hours,
            broken_hours=record.broken_hours,
            schedule=record.schedule,
        )

    def _word(self, record: Record) -> Word:
        if record.suspended_until:
            return "suspended"
        if self._judge.weight(record.node) == 0:
            return "checks only"
        return "proven" if self._judge.may_seal(record.node) else "probation"

    def _review(self, opened: StandingEvent, ended: StandingEvent | None) -> Review:
        return Review(
            seq=opened.seq,
            at=opened.at,
            node=node_text(opened.node),
            nickname=node_nickname(opened.node),
            name=self._roster.name(opened.node),
            why=opened.why,
            cause=opened.cause,
            open=ended is None,
            outcome=ended.why if ended else "",
        )

    async def _evidence(self, review: Review) -> tuple[CheckRow, ...]:
        kind, _, check = review.cause.partition(":")
        found = await self._store.check(check) if kind == "check" else None
        return (found,) if found else ()

    async def _write(
        self, asker: Member, action: str, node: NodeId, detail: str = ""
    ) -> None:
        await self._audit.write(
            action, actor=asker.id, object=node_nickname(node), detail=detail
        )


def _line(event: StandingEvent) -> StandingLine:
    fields = {name: getattr(event, name) for name in StandingLine.__struct_fields__}
    return StandingLine(**fields)


def _reason(why: str) -> str:
    reason = why.strip()
    if not 0 < len(reason) <= REASON_LENGTH:
        fix = f"say why, in at most {REASON_LENGTH} characters"
        raise ConfigError("why", reason[:80], fix)
    return reason
