"""What hours do to a node's standing: those it was here, and those it promised."""

from __future__ import annotations

from typing import Final

from clubai.reputation.days import Day, day_at, day_of, iso_day
from clubai.reputation.events import Change
from clubai.reputation.facts import HoursPassed
from clubai.reputation.record import Record
from clubai.reputation.register import Register

DAILY_BROKEN: Final = 40
"""Points that broken promises can cost within a day."""


def hours(register: Register, record: Record, fact: HoursPassed) -> None:
    """Take in whole hours that have ended."""
    cause = f"hour:{fact.last_hour or fact.day}"
    if fact.up > 0:
        _up(register, record, fact, cause)
    if fact.kept > 0:
        register.put(
            record,
            Change.KEPT,
            count=fact.kept,
            cause=cause,
            why="Promised hours were kept.",
        )
    if fact.broken > 0:
        _broken(register, record, fact, cause)


def credit(register: Register, record: Record) -> None:
    """Let hours of today count that a task or a passed check made countable."""
    number = day_at(register.now)
    day = record.days.get(number)
    if day is None or not day.up:
        return
    points = day.creditable() * register.rules.uptime - day.credited
    if points > 0:
        register.put(
            record,
            Change.UPTIME,
            points=points,
            count=0,
            cause=f"hour:{iso_day(number)}",
            why="Hours of today count, now that the node showed that it works.",
        )


def _up(register: Register, record: Record, fact: HoursPassed, cause: str) -> None:
    rules = register.rules
    points = fact.up * rules.uptime
    why = "It was here."
    if rules.fair_hours:
        day = _day(record, cause)
        points = max(0, day.creditable(fact.up) * rules.uptime - day.credited)
        if not points:
            why = "It was here, and has not yet shown today that this is worth more."
    register.put(
        record, Change.UPTIME, points=points, count=fact.up, cause=cause, why=why
    )


def _broken(register: Register, record: Record, fact: HoursPassed, cause: str) -> None:
    rules = register.rules
    points = fact.broken * rules.broken
    if rules.fair_hours:
        before = _day(record, cause).broken
        already = max(-DAILY_BROKEN, before * rules.broken)
        points = max(-DAILY_BROKEN, (before + fact.broken) * rules.broken) - already
    register.put(
        record,
        Change.BROKEN,
        points=points,
        count=fact.broken,
        cause=cause,
        why="Promised hours were not kept.",
    )


def _day(record: Record, cause: str) -> Day:
    return record.days.get(day_of(cause.removeprefix("hour:")), Day())
