"""Months of the club: UTC, from the first moment of the first day to the next one's.

When a task ended is what the coordinator's clock says; a node's clock decides nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Self

from clubai.economics.errors import PeriodError

CUT_OFF_DAYS: Final = 3
"""After a month's end, for late verdicts and reviews."""
DISPUTE_DAYS: Final = 14
"""After a close, until what it paid can be spent."""
DAY_MS: Final = 86_400_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT: Final = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_STAMP: Final = re.compile(
    r"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"
)


class Period(NamedTuple):
    """One calendar month (UTC) of the years 2000 to 2099; later ones are greater."""

    year: int
    month: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `2026-01`. Raises `PeriodError`."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise PeriodError(text, "write it as 2026-01")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def holding(cls, at_ms: int) -> Self:
        """The month in which this moment lies (Unix milliseconds)."""
        moment = _EPOCH + timedelta(milliseconds=at_ms)
        return cls(moment.year, moment.month)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    def plus(self, months: int) -> Period:
        """The month so many later, or earlier when negative."""
        place = self.year * 12 + self.month - 1 + months
        return Period(place // 12, place % 12 + 1)

    def since(self, other: Period) -> int:
        """How many months it is after `other`."""
        return (self.year - other.year) * 12 + self.month - other.month

    @property
    def start_ms(self) -> int:
        """Its first moment, Unix milliseconds."""
        first = datetime(self.year, self.month, 1, tzinfo=UTC)
        return (first - _EPOCH).days * DAY_MS

    @property
    def end_ms(self) -> int:
        """The first moment after it."""
        return self.plus(1).start_ms

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end_ms - self.start_ms) // DAY_MS

    @property
    def cut_off_ms(self) -> int:
        """From when it can be closed; what is known later counts in the next one."""
        return self.end_ms + CUT_OFF_DAYS * DAY_MS


def stamp(at_ms: int) -> str:
    """A moment (Unix milliseconds) as ledgers write it: `2026-01-31T23:59:59.999Z`."""
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03}Z"


def read_stamp(text: str) -> int:
    """Read what `stamp` wrote, as Unix milliseconds. Raises `ValueError`."""
    if _STAMP.fullmatch(text) is None:
        msg = f"{text[:40]!r} is no time such as 2026-01-31T23:59:59.999Z"
        raise ValueError(msg)
    moment = datetime.fromisoformat(text)
    return (moment - _EPOCH) // timedelta(milliseconds=1)
