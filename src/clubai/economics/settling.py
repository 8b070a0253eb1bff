"""Which tasks a close pays, and why the others not: from their facts and standing."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from operator import attrgetter
from typing import Final

import msgspec

from clubai.economics.metering import PAIR_CAP_BP, capped, work_units
from clubai.economics.month import Period
from clubai.economics.ratecard import RateCard
from clubai.model import CLUB_ID, EndedTask, MemberId, NodeId, Value
from clubai.reputation.days import DAY_S
from clubai.reputation.events import Change, StandingEvent

_TASK: Final = "task:"
_TASK_LENGTH: Final = len(_TASK)
_BY_ID: Final = attrgetter("id")
_BY_SEQ: Final = attrgetter("seq")


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


_PAID: Final = Status.PAID
_HELD: Final = Status.HELD
_COMPLETED: Final = Change.COMPLETED
_INVALID: Final = Change.INVALID
_LETS_GO: Final = {Change.RELEASED: Status.PAID, Change.VOIDED: Status.VOID}


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
        self._held = defaultdict[tuple[NodeId, MemberId], deque[bytes | None]](deque)
        for event in sorted(events, key=_BY_SEQ):
            if event.at * 1000 >= before_ms:
                continue
            change = event.change
            if change is _COMPLETED:
                self._completed(event)
            elif change in _LETS_GO:
                self._let_go(event, _LETS_GO[change])
            elif change is _INVALID:
                task = _task_of(event)
                if task is not None:
                    self._status[task] = Status.VOID
            elif event.held > 0:
                self._held[event.node, event.member].append(None)

    def status(self, task: EndedTask) -> Status:
        """Paid, held or void, by its standing alone."""
        return self._status.get(task.id, _HELD)

    def owner(self, task: EndedTask) -> MemberId | None:
        """Who owned the node when the task was completed, where an event tells."""
        return self._owners.get(task.id)

    def _completed(self, event: StandingEvent) -> None:
        task = _task_of(event)
        held = event.held > 0
        if task is not None and task not in self._status:
            self._owners[task] = event.member
            self._status[task] = _PAID if event.points > 0 and not held else _HELD
        if held:
            self._held[event.node, event.member].append(task)

    def _let_go(self, event: StandingEvent, status: Status) -> None:
        held = self._held[event.node, event.member]
        statuses = self._status
        for _ in range(min(event.count, len(held))):
            task = held.popleft()
            if task is not None and statuses[task] is _HELD:
                statuses[task] = status


def settle(
    tasks: Iterable[EndedTask],
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
        for task in sorted(tasks, key=_BY_ID)
        if task.id not in settled and task.ended_at * 1000 < end_ms
    ]
    paid = capped(
        [
            (each.task, each.node, each.asker, each.metered)
            for each in items
            if each.status is _PAID
        ],
        cap_bp=pair_cap_bp,
        exempt=(club,),
    )
    return tuple(
        each if paid.get(each.task, 0) == each.wu else _cut(each, paid[each.task])
        for each in items
    )


def settled_by(items: Iterable[Item]) -> tuple[bytes, ...]:
    """The tasks that no later close looks at again."""
    return tuple(each.task for each in items if each.status in FINAL)


class _Rates:
    """The months of days and a card's rates in them, each looked up once."""

    def __init__(self, card: RateCard) -> None:
        self._card = card
        self._found: dict[tuple[str, int], tuple[str, int]] = {}

    def at(self, model: str, at: int) -> tuple[str, int]:
        """The month of a moment (Unix seconds), and what a token is worth in it."""
        key = (model, at // DAY_S)
        found = self._found.get(key)
        if found is None:
            month = Period.holding(at * 1000)
            found = self._found[key] = (str(month), self._card.milli(model, month))
        return found


def _item(
    task: EndedTask,
    judged: Judged,
    owners: Mapping[NodeId, MemberId],
    rates: _Rates,
) -> Item:
    node, model = NodeId(task.node), task.model
    prompt, answer = task.prompt_tokens, task.completion_tokens
    owner = judged.owner(task) or owners.get(node) or MemberId("")
    month, milli = rates.at(model, int(task.ended_at))
    metered = work_units(prompt, answer, milli)
    status = _status(task, owner, judged)
    return Item(
        task=task.id,
        node=node,
        owner=owner,
        asker=task.member,
        model=model,
        month=month,
        prompt_tokens=prompt,
        answer_tokens=answer,
        metered=metered,
        wu=metered if status is _PAID else 0,
        status=status,
    )


def _status(task: EndedTask, owner: MemberId, judged: Judged) -> Status:
    if task.state != "done" or not task.node:
        return Status.UNFINISHED
    if owner and task.member == owner:
        return Status.OWN
    return judged.status(task) if owner else _HELD


def _cut(item: Item, wu: int) -> Item:
    return msgspec.structs.replace(item, wu=wu, status=Status.CAPPED)


def _task_of(event: StandingEvent) -> bytes | None:
    cause = event.cause
    if not cause.startswith(_TASK):
        return None
    try:
        return bytes.fromhex(cause[_TASK_LENGTH:])
    except ValueError:
        return None
