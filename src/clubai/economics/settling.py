"""Which tasks a close pays, and why the others not: from their facts and standing."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Final

import msgspec

from clubai.economics.metering import PAIR_CAP_BP, capped, work_units
from clubai.economics.month import DAY_MS, Period
from clubai.economics.ratecard import RateCard
from clubai.model import CLUB_ID, MemberId, NodeId, TaskFacts, Value
from clubai.reputation.events import Change, StandingEvent

_TASK: Final = "task:"


class Status(StrEnum):
    """What a close made of a task."""

    PAID = "paid"
    OWN = "own"
    """The member asked their own node: no work for the club."""
    HELD = "held"
    """In escrow, or not judged yet: a later close decides."""
    VOID = "void"
    """Its answer, or what its node had in escrow, was found invalid."""
    UNFINISHED = "unfinished"
    """It failed, or nothing was answered."""
    CAPPED = "capped"
    """Paid in part: its asker brings no more than a share of the node's work."""


FINAL: Final = (Status.PAID, Status.OWN, Status.VOID, Status.CAPPED)
"""What no later close looks at again."""


class Item(Value, frozen=True, kw_only=True):
    """One task in a close."""

    task: bytes
    node: NodeId
    owner: MemberId
    """Whom it is paid to."""
    asker: MemberId
    model: str
    month: str
    """In which it ended: an earlier one than the close's is an adjustment."""
    prompt_tokens: int
    answer_tokens: int
    metered: int
    """Work units (thousandths) of its tokens."""
    wu: int
    """Of these, those that are paid."""
    status: Status


class Judged:
    """What the standing events up to a moment say of tasks.

    A `RELEASED` or `VOIDED` with the count n is about the n oldest events that have
    points in escrow, of its node and owner: tasks, and that they were done fast.
    """

    def __init__(self, events: Iterable[StandingEvent], *, before_ms: int) -> None:
        self._status: dict[bytes, Status] = {}
        self._owners: dict[bytes, MemberId] = {}
        self._held: dict[tuple[NodeId, MemberId], deque[bytes | None]] = {}
        for event in sorted(events, key=lambda each: each.seq):
            if event.at * 1000 >= before_ms:
                continue
            match event.change:
                case Change.RELEASED:
                    self._let_go(event, Status.PAID)
                case Change.VOIDED:
                    self._let_go(event, Status.VOID)
                case Change.INVALID:
                    task = _task_of(event)
                    if task is not None:
                        self._status[task] = Status.VOID
                case _:
                    self._earned(event)

    def status(self, task: TaskFacts) -> Status:
        """Paid, held or void, by its standing alone."""
        return self._status.get(task.id, Status.HELD)

    def owner(self, task: TaskFacts) -> MemberId | None:
        """Who owned the node when the task was completed, where an event tells."""
        return self._owners.get(task.id)

    def _earned(self, event: StandingEvent) -> None:
        task = _task_of(event) if event.change is Change.COMPLETED else None
        if task is not None and task not in self._status:
            self._owners[task] = event.member
            at_once = event.points > 0 and event.held <= 0
            self._status[task] = Status.PAID if at_once else Status.HELD
        if event.held > 0:
            self._held.setdefault((event.node, event.member), deque()).append(task)

    def _let_go(self, event: StandingEvent, status: Status) -> None:
        held = self._held.get((event.node, event.member), deque())
        for _ in range(min(event.count, len(held))):
            task = held.popleft()
            if task is not None and self._status[task] is Status.HELD:
                self._status[task] = status


def settle(
    tasks: Iterable[TaskFacts],
    *,
    owners: Mapping[NodeId, MemberId],
    events: Iterable[StandingEvent],
    settled: Collection[bytes],
    period: Period,
    card: RateCard,
    pair_cap_bp: int = PAIR_CAP_BP,
    club: MemberId = CLUB_ID,
) -> tuple[Item, ...]:
    """Say of each task up to the end of `period` what its close makes of it.

    Args:
        tasks: Those that ended in the month, and earlier ones that may be due yet.
        owners: Who owns each node, where no event tells who did then.
        events: All of the club, or all about these tasks and their nodes; those after
            the month's cut-off are not looked at.
        settled: Tasks that earlier closes paid or refused.
        period: The month to close.
        card: What models are worth.
        pair_cap_bp: See `metering.capped`.
        club: Whose tasks no pair cap is for: the club chooses them itself.

    Returns:
        The tasks in order of their ids: the order in which they were given is nothing.
    """
    judged = Judged(events, before_ms=period.cut_off_ms)
    end_ms = period.end_ms
    rates = _Rates(card)
    items = [
        _item(task, judged, owners, rates)
        for task in sorted(tasks, key=lambda each: each.id)
        if task.id not in settled and task.ended_at * 1000 < end_ms
    ]
    due = [each for each in items if each.status is Status.PAID]
    paid = capped(
        [(each.task, each.node, each.asker, each.metered) for each in due],
        cap_bp=pair_cap_bp,
        exempt=(club,),
    )
    return tuple(_paid(each, paid.get(each.task, 0)) for each in items)


def settled_by(items: Iterable[Item]) -> tuple[bytes, ...]:
    """The tasks that no later close looks at again."""
    return tuple(each.task for each in items if each.status in FINAL)


class _Rates:
    """A card's rates and the months of days, each looked up once."""

    def __init__(self, card: RateCard) -> None:
        self._card = card
        self._rates: dict[tuple[str, Period], int] = {}
        self._months: dict[int, tuple[Period, str]] = {}

    def month(self, at: int) -> tuple[Period, str]:
        """The month that holds a moment (Unix seconds), and its text."""
        at_ms = at * 1000
        day = at_ms // DAY_MS
        found = self._months.get(day)
        if found is None:
            period = Period.holding(at_ms)
            found = self._months[day] = (period, str(period))
        return found

    def milli(self, model: str, month: Period) -> int:
        """What a token of `model` is worth in a month."""
        key = (model, month)
        rate = self._rates.get(key)
        if rate is None:
            rate = self._rates[key] = self._card.milli(model, month)
        return rate


def _item(
    task: TaskFacts,
    judged: Judged,
    owners: Mapping[NodeId, MemberId],
    rates: _Rates,
) -> Item:
    node = NodeId(task.node)
    owner = judged.owner(task) or owners.get(node) or MemberId("")
    month, text = rates.month(int(task.ended_at))
    metered = work_units(
        task.prompt_tokens, task.completion_tokens, rates.milli(task.model, month)
    )
    return Item(
        task=task.id,
        node=node,
        owner=owner,
        asker=task.member,
        model=task.model,
        month=text,
        prompt_tokens=task.prompt_tokens,
        answer_tokens=task.completion_tokens,
        metered=metered,
        wu=0,
        status=_status(task, owner, judged),
    )


def _status(task: TaskFacts, owner: MemberId, judged: Judged) -> Status:
    if task.state != "done" or not task.node:
        return Status.UNFINISHED
    if owner and task.member == owner:
        return Status.OWN
    return judged.status(task) if owner else Status.HELD


def _paid(item: Item, wu: int) -> Item:
    if item.status is not Status.PAID:
        return item
    status = Status.PAID if wu == item.metered else Status.CAPPED
    return msgspec.structs.replace(item, wu=wu, status=status)


def _task_of(event: StandingEvent) -> bytes | None:
    if not event.cause.startswith(_TASK):
        return None
    try:
        return bytes.fromhex(event.cause.removeprefix(_TASK))
    except ValueError:
        return None
