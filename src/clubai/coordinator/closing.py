"""What a close rests on, gathered from the books, and what is kept of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from anyio import to_thread

from clubai.economics.close import Closing, Inputs, close, income_of, paid_by
from clubai.economics.errors import PeriodError, RateCardError
from clubai.economics.ledger import POOL, RESERVE, Ledger, Link
from clubai.economics.metering import Standing, standings, weigh
from clubai.economics.month import DAY_MS, Period
from clubai.economics.ratecard import RateCard, read_card
from clubai.economics.settling import Item, settle
from clubai.model import MemberId, NodeId, Value
from clubai.reputation.events import Change, StandingEvent
from clubai.storage.books import BookStore, CloseRow, LedgerRow

LOOK_BACK_DAYS: Final = 92
"""A task that was in escrow for longer before a month is not paid any more."""


class MoneyStore(BookStore, Protocol):
    """The books, and what tells which work was good."""

    async def standing_events(self, *, since: int = 0) -> list[StandingEvent]:
        """The events of standing from number `since` on, in order."""


class Terms(Value, frozen=True, kw_only=True):
    """By what a club divides its money."""

    currency: str = "EUR"
    card: RateCard = RateCard()
    cap_bp: int = 10_000
    """The most of a pool that one member gets; 10000: no cap."""
    pair_cap_bp: int = 2_000
    """The most of a node's work that one asker may bring."""
    two_people: bool = False
    """A close takes a second operator or treasurer, who asks for the very same."""


def read_terms(card: Path | None, **terms: Any) -> Terms:
    """The terms with an operator's rate card; None: the club's own.

    Raises:
        RateCardError: the card cannot be read or used; no other takes its place.
    """
    if card is None:
        return Terms(**terms)
    try:
        text = card.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RateCardError("file", str(card), f"make it readable: {error}") from error
    return Terms(card=read_card(text), **terms)


class Decided(Value, frozen=True, kw_only=True):
    """A closing, and the standing that it rests on."""

    closing: Closing
    points: Mapping[NodeId, Standing]
    references: int


class Kept(Value, frozen=True, kw_only=True):
    """What is kept of a closing, for what is shown to each member."""

    worked: bool
    """There was work to be paid."""
    items: tuple[Item, ...]


def check_turn(period: Period, closes: Sequence[CloseRow], *, now_ms: int) -> None:
    """See that a month can be closed now. Raises `PeriodError`."""
    if closes:
        turn = Period.read(closes[-1].month).plus(1)
        if period != turn:
            raise PeriodError(str(period), f"it is {turn} that is next to be closed")
    if now_ms < period.cut_off_ms:
        reason = "it can be closed from three days after its end on"
        raise PeriodError(str(period), reason)


async def decide(
    store: MoneyStore,
    ledger: Ledger,
    *,
    period: Period,
    terms: Terms,
    owners: Mapping[NodeId, MemberId],
    banned: Collection[str],
    closes: Sequence[CloseRow],
) -> Decided:
    """Decide a month by what is in the books now."""
    end_ms = period.end_ms
    start_ms = period.start_ms - LOOK_BACK_DAYS * DAY_MS
    events = await store.standing_events()
    settling = partial(
        settle,
        await store.tasks_between(start_ms // 1000, end_ms // 1000),
        owners=owners,
        events=events,
        settled=await store.settled_tasks(),
        period=period,
        card=terms.card,
        pair_cap_bp=terms.pair_cap_bp,
    )
    items = await to_thread.run_sync(settling)
    points = standings(events, before_ms=end_ms)
    empty = _empty_months(closes)
    months = [str(period.plus(-back)) for back in range(empty + 1)]
    inputs = Inputs(
        period=period,
        currency=terms.currency,
        income=income_of(ledger, period, terms.currency),
        weights=weigh(items, points, banned=banned),
        items=items,
        carry_in=ledger.balance(POOL, terms.currency),
        reserve=ledger.balance(RESERVE, terms.currency),
        empty_months=empty,
        paid=paid_by(ledger, months, terms.currency),
        cap_bp=terms.cap_bp,
    )
    return Decided(
        closing=close(inputs), points=points, references=_references(events, end_ms)
    )


def keep(closing: Closing) -> bytes:
    """What is kept of a closing, as bytes."""
    return msgspec.json.encode(Kept(worked=closing.total > 0, items=closing.items))


def read_kept(content: bytes) -> Kept:
    """Read what `keep` wrote."""
    return msgspec.json.decode(content, type=Kept)


def row_of(link: Link) -> LedgerRow:
    """An entry as it is stored."""
    entry = link.entry
    return LedgerRow(
        seq=entry.seq, ts=entry.ts, key=entry.key, body=entry.body, hash=link.hash
    )


def summary(closing: Closing) -> dict[str, Any]:
    """A closing as it is shown to those who close."""
    counts: dict[str, int] = {}
    for item in closing.items:
        counts[item.status.value] = counts.get(item.status.value, 0) + 1
    return {
        "month": str(closing.period),
        "currency": closing.currency,
        "net": closing.net,
        "operator": closing.operator,
        "reserve": closing.reserve,
        "carry_in": closing.carry_in,
        "pool": closing.pool,
        "carry": closing.carry,
        "payouts": [
            {"member": each.member, "wu": str(each.wu), "minor": each.minor}
            for each in closing.payouts
        ],
        "tasks": dict(sorted(counts.items())),
    }


def _empty_months(closes: Sequence[CloseRow]) -> int:
    count = 0
    for row in reversed(closes):
        if read_kept(row.closing).worked:
            break
        count += 1
    return count


def _references(events: Sequence[StandingEvent], before_ms: int) -> int:
    trusted: dict[NodeId, bool] = {}
    for event in events:
        if event.at * 1000 < before_ms and event.change in (
            Change.TRUSTED,
            Change.UNTRUSTED,
        ):
            trusted[event.node] = event.change is Change.TRUSTED
    return sum(trusted.values())
