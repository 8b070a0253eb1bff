"""The money of a simulated club: the club's own settling, weighing and close.

What is simplified: every member pays the same fee each month, and a payment provider
takes nothing. Work of a node is also settled between closes, when nothing of it is
held: what the month's close makes of it follows from sums alone. The last close waits
until nothing is held any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import ClassVar, Final

import msgspec

from clubai.economics import close as closing
from clubai.economics import metering
from clubai.economics.metering import Due, Standing, Weight
from clubai.economics.month import Period
from clubai.economics.ratecard import CARD_1, Rate, RateCard, by_size, size_of
from clubai.economics.settling import Item, Status, settle, settled_by
from clubai.economics.sharing import BASIS
from clubai.model import CLUB_ID, MemberId, NodeId
from clubai.reputation.events import Change, StandingEvent
from clubai.reputation.record import Record
from clubai.sim.tally import Closed
from clubai.sim.work import MODEL

FEE: Final = 1_000
"""Minor units that a member pays each month, and for each new name."""
CURRENCY: Final = "EUR"
_MUCH: Final = 64
"""Tasks of a node from which on they are settled together."""
_LAST: Final = Period(2099, 12)
_KEPT: Final = frozenset(
    {
        Change.COMPLETED,
        Change.FAST,
        Change.RELEASED,
        Change.VOIDED,
        Change.INVALID,
    }
)
_PAID: Final = Status.PAID
CARD: Final = RateCard(
    rates=(
        Rate(
            model=MODEL,
            since="2000-01",
            milli=by_size(size_of(MODEL) or CARD_1.unknown),
        ),
    )
)
"""Card 1, with what it says of the one model that there is."""


class Answered(msgspec.Struct, frozen=True, gc=False):
    """One answer that may be paid, as `settle` reads it."""

    id: bytes
    node: NodeId
    member: MemberId
    """Who asked."""
    ended_at: float
    prompt_tokens: int
    completion_tokens: int
    model: ClassVar[str] = MODEL
    state: ClassVar[str] = "done"


Units = dict[tuple[NodeId, MemberId], dict[MemberId, int]]
"""Metered work units by node and owner, and by who asked."""


class Work(msgspec.Struct):
    """What one node did that is not settled."""

    tasks: list[Answered] = []
    events: list[StandingEvent] = []


class Till:
    """Keeps what nodes did until it is settled, and closes the months."""

    def __init__(self, first: Period, *, by_points: bool) -> None:
        self.by_points = by_points
        """The pool is shared by points, as asked, and not by work."""
        self.credit: dict[MemberId, int] = {}
        self.closes: list[Closed] = []
        self._work: dict[NodeId, Work] = {}
        self._units: dict[Period, Units] = {}
        """What is settled and not closed yet, by the month whose close pays it."""
        self._open = first
        """The earliest month that is not closed."""
        self._standings: dict[Period, dict[NodeId, Standing]] = {}
        self._income: dict[Period, int] = {}
        self._owners: dict[NodeId, MemberId] = {}
        self._empty = 0

    def took_fee(self, at: float) -> None:
        """Take in a fee that somebody pays."""
        period = _period(at)
        self._income[period] = self._income.get(period, 0) + FEE

    def answered(self, answer: Answered) -> None:
        """Note an answer."""
        if self.by_points:
            return
        work = self._work.get(answer.node)
        if work is None:
            work = self._work[answer.node] = Work()
        work.tasks.append(answer)

    def heard(self, event: StandingEvent) -> None:
        """Note an event, if pay follows from it."""
        if event.change in _KEPT:
            work = self._work.get(event.node)
            if work is not None:
                work.events.append(event)

    def settle(self, record: Record) -> None:
        """Settle what a node did, if it is much and nothing of it is held."""
        work = self._work.get(record.node)
        if work is None or record.escrow or len(work.tasks) < _MUCH:
            return
        self._settle(record.node, work, _LAST)

    def end_month(self, records: Iterable[Record], at: float, members: int) -> None:
        """Note the standing of all at a month's end, and the fees of the month."""
        period = _period(at - 1)
        self._standings[period] = {
            each.node: Standing(points=each.points, suspended=each.suspended)
            for each in records
        }
        self._owners |= {each.node: each.member for each in records}
        self._income[period] = self._income.get(period, 0) + members * FEE

    def close(self, at: float) -> None:
        """Close the months that ended and whose cut-off has come."""
        while self._open in self._standings and self._open.cut_off_ms <= at * 1000:
            self._close(up_to=self._open)

    def close_rest(self) -> None:
        """Close what is left, the last month with all that is settled by now."""
        while self._open in self._standings:
            last = self._open.plus(1) not in self._standings
            self._close(up_to=_LAST if last else self._open)

    def _settle(self, node: NodeId, work: Work, up_to: Period) -> None:
        items = settle(
            work.tasks,
            owners={},
            events=work.events,
            settled=(),
            period=up_to,
            card=CARD,
            pair_cap_bp=BASIS,
        )
        place, askers = ("", MemberId("")), dict[MemberId, int]()
        for item in items:
            if item.status is _PAID:
                if place != (item.month, item.owner):
                    place = (item.month, item.owner)
                    askers = self._askers(node, *place)
                askers[item.asker] = askers.get(item.asker, 0) + item.metered
        done = frozenset(settled_by(items))
        work.tasks = [each for each in work.tasks if each.id not in done]
        if not work.tasks:
            work.events = []

    def _askers(self, node: NodeId, month: str, owner: MemberId) -> dict[MemberId, int]:
        period = max(_month(month), self._open)
        return self._units.setdefault(period, {}).setdefault((node, owner), {})

    def _close(self, *, up_to: Period) -> None:
        period = self._open
        for node, work in self._work.items():
            if work.tasks:
                self._settle(node, work, up_to)
        self._open = period.plus(1)
        decided = closing.close(
            closing.Inputs(
                period=period,
                currency=CURRENCY,
                income=closing.Income(fees=self._income.pop(period), processor=0),
                weights=self._weights(period),
                carry_in=self.closes[-1].carry if self.closes else 0,
                empty_months=self._empty,
            )
        )
        self._empty = 0 if decided.total else self._empty + 1
        for payout in decided.payouts:
            before = self.credit.get(payout.member, 0)
            self.credit[payout.member] = before + payout.minor
        self.closes.append(
            Closed(
                month=str(period),
                pool=decided.pool,
                paid=sum(each.minor for each in decided.payouts),
                carry=decided.carry,
            )
        )

    def _weights(self, period: Period) -> tuple[Weight, ...]:
        standings = self._standings.pop(period)
        if self.by_points:
            return self._by_points(standings)
        return metering.weigh(
            list(_items(self._units.pop(period, {}), str(period))), standings
        )

    def _by_points(self, standings: Mapping[NodeId, Standing]) -> tuple[Weight, ...]:
        points: dict[MemberId, int] = {}
        for node, standing in standings.items():
            member = self._owners[node]
            points[member] = points.get(member, 0) + standing.points
        return tuple(Weight(member=each, wu=points[each]) for each in sorted(points))


def _items(
    units: Mapping[tuple[NodeId, MemberId], Mapping[MemberId, int]], month: str
) -> Iterator[Item]:
    """One item for each node and asker: the cap between two follows from sums alone."""
    due: list[Due] = []
    owners: list[MemberId] = []
    for (node, owner), askers in units.items():
        for asker, metered in askers.items():
            due.append((len(due).to_bytes(16, "big"), node, asker, metered))
            owners.append(owner)
    paid = metering.capped(due, exempt=(CLUB_ID,))
    for (task, node, asker, metered), owner in zip(due, owners, strict=True):
        yield Item(
            task=task,
            node=node,
            owner=owner,
            asker=asker,
            model=MODEL,
            month=month,
            prompt_tokens=0,
            answer_tokens=0,
            metered=metered,
            wu=paid[task],
            status=Status.PAID,
        )


@cache
def _month(text: str) -> Period:
    return Period.read(text)


def _period(at: float) -> Period:
    return Period.holding(int(at * 1000))
