"""Days, hours and weeks of the club, which are those of UTC."""

from __future__ import annotations

from datetime import date
from typing import Final

import msgspec

HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S
WEEK_S: Final = 7 * DAY_S
_FIRST_MONDAY_S: Final = 4 * DAY_S
"""1970-01-05."""
_EPOCH: Final = date(1970, 1, 1).toordinal()

LEAST_HOURS: Final = 4
HOURS_PER_TASK: Final = 10


def day_at(at: float) -> int:
    """The day in which a time lies, counted from 1970-01-01."""
    return int(at // DAY_S)


def day_of(iso: str) -> int:
    """The day of an ISO date, or of a time that begins with one."""
    return date.fromisoformat(iso[:10]).toordinal() - _EPOCH


def iso_hour(hour: int) -> str:
    """When an hour began, counted from 1970-01-01, as ISO 8601."""
    day, hour_of_day = divmod(hour, 24)
    return f"{iso_day(day)}T{hour_of_day:02}:00:00Z"


def iso_day(day: int) -> str:
    """The ISO date of a day."""
    return date.fromordinal(day + _EPOCH).isoformat()


def next_week(at: float) -> float:
    """The first Monday 00:00 after a time."""
    weeks = (at - _FIRST_MONDAY_S) // WEEK_S
    return (weeks + 1) * WEEK_S + _FIRST_MONDAY_S


class Day(msgspec.Struct, gc=False):
    """What one node did in one day, as far as its hours depend on it."""

    tasks: int = 0
    """Ended well."""
    probed: bool = False
    """A check was passed, or a task ended well."""
    up: int = 0
    """Hours told."""
    credited: int = 0
    """Points for hours."""
    broken: int = 0
    """Promised hours that were not kept."""

    def creditable(self, more: int = 0) -> int:
        """Hours that count, of those told and `more`."""
        if not self.probed:
            return 0
        return min(self.up + more, max(LEAST_HOURS, HOURS_PER_TASK * self.tasks))
