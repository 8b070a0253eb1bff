"""What unaudited work earns, held until the node passes an audit or days go by."""

from __future__ import annotations

import math
from typing import Final

from clubai.reputation.days import DAY_S, HOUR_S, iso_hour
from clubai.reputation.events import Change
from clubai.reputation.record import Record
from clubai.reputation.register import Register

LONGEST_S: Final = 7 * DAY_S
"""From the beginning of the hour in which it was earned."""


def earn(
    register: Register,
    record: Record,
    change: Change,
    points: int,
    *,
    cause: str,
    why: str,
) -> None:
    """Give points for work: at once, or in escrow."""
    if register.rules.escrow:
        register.put(record, change, held=points, cause=cause, why=why)
    else:
        register.put(record, change, points=points, cause=cause, why=why)


def release(register: Register, record: Record, *, cause: str, why: str) -> None:
    """Let all that is held count."""
    _release(register, record, len(record.escrow), cause=cause, why=why)


def release_due(register: Register, record: Record) -> None:
    """Let what is held for so long that it must count, unless a doubt stands."""
    due = register.now - LONGEST_S
    ripe = sum(1 for held in record.escrow if held.hour * HOUR_S <= due)
    if not record.doubted:
        why = "It was held for seven days, and nothing was found against it."
        cause = f"hour:{iso_hour(int(due // HOUR_S))}"
        _release(register, record, ripe, cause=cause, why=why)


def void(register: Register, record: Record, *, cause: str) -> None:
    """Take away all that is held."""
    if record.escrow:
        register.put(
            record,
            Change.VOIDED,
            held=-record.held,
            count=sum(held.count for held in record.escrow),
            cause=cause,
            why="What was held is lost with a confirmed invalid result.",
        )


def due_at(record: Record) -> float:
    """When something must be released; infinity: nothing is, or a doubt stands."""
    escrow = record.escrow
    if not escrow or record.doubted:
        return math.inf
    return escrow[0].hour * HOUR_S + LONGEST_S


def _release(
    register: Register, record: Record, hours: int, *, cause: str, why: str
) -> None:
    chosen = [record.escrow[index] for index in range(hours)]
    if chosen:
        points = sum(held.points for held in chosen)
        register.put(
            record,
            Change.RELEASED,
            points=points,
            held=-points,
            count=sum(held.count for held in chosen),
            cause=cause,
            why=why,
        )
