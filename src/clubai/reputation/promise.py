"""When a node is promised to be here: weekly hours by the clock of one time zone. Pure.

```
Mon-Fri 18:00-23:00; Sat,Sun 09:00-24:00 Europe/Berlin
daily 22:00-06:00 UTC                                     over midnight
```

An instant is promised when a clock on the wall in the zone shows a promised time then.
So an hour that the clocks skip is promised to nobody, and one that they show twice
counts twice. Time zones are read from the machine's (or the package's) tzdata.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from clubai.errors import ConfigError

HOUR_S: Final = 3600
DEFAULT_ZONE: Final = "UTC"
MAX_TEXT: Final = 256
"""Characters of a schedule."""
EXAMPLE: Final = "Mon-Fri 18:00-23:00; Sat,Sun 09:00-24:00"

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAILY: Final = "daily"
_DAY_MIN: Final = 24 * 60
_WEEK_MIN: Final = 7 * _DAY_MIN
_WEEK_S: Final = _WEEK_MIN * 60
_MONDAY_S: Final = 4 * 24 * HOUR_S
"""The first Monday of the Unix epoch."""
_SPAN: Final = re.compile(
    r"(\S+)\s+(\d\d?):(\d\d)-(\d\d?):(\d\d)(?:\s+(\S+))?", re.ASCII
)
_ZONE: Final = re.compile(r"[A-Z][A-Za-z0-9_+/-]{0,63}")
"""Lower-case ones (`localtime`, `right/...`) are no zones by which people live."""


class Span(msgspec.Struct, frozen=True, order=True):
    """Hours of some days of the week, in minutes after midnight."""

    days: tuple[int, ...]
    """0 is Monday; ascending. The day on which it begins."""
    start: int
    """0 to 1439."""
    end: int
    """1 to 1440; not after `start`: on the next day."""

    def __str__(self) -> str:
        return f"{_days_text(self.days)} {_time(self.start)}-{_time(self.end)}"

    @property
    def minutes(self) -> int:
        """How long it lasts."""
        return self.end - self.start + (_DAY_MIN if self.end <= self.start else 0)


class Schedule(msgspec.Struct, frozen=True):
    """What an owner promises; `str` gives the text that parses to the same."""

    spans: tuple[Span, ...]
    """Ascending, at least one. They may overlap; nothing is promised twice."""
    zone: str = DEFAULT_ZONE

    def __str__(self) -> str:
        return f"{self.hours} {self.zone}"

    @property
    def hours(self) -> str:
        """The text without the zone."""
        return "; ".join(map(str, self.spans))


def parse_schedule(
    text: str, zone: str = "", *, default: str = DEFAULT_ZONE
) -> Schedule:
    """Read a schedule, such as `EXAMPLE`.

    Args:
        text: Days and hours, several separated by `;`. A zone may follow the last.
        zone: The name of a time zone; empty: the one in the text.
        default: The time zone when neither names one.

    Raises:
        ConfigError: `schedule` or `zone` cannot be understood, or they contradict each
            other, or this machine knows no time zones.
    """
    if len(text) > MAX_TEXT:
        fix = f"give at most {MAX_TEXT} characters"
        raise ConfigError("schedule", text[:40] + "...", fix)
    parts = [part.strip() for part in text.split(";")]
    spans = []
    for number, part in enumerate(parts, start=1):
        span, named = _read_span(part)
        spans.append(span)
        if named and number < len(parts):
            raise ConfigError("schedule", part, "name the time zone once, at the end")
        if named and zone and named != zone:
            fix = f"the schedule says {named}: name one of the two"
            raise ConfigError("zone", zone, fix)
        zone = named or zone
    zone = zone or default
    return Schedule(tuple(sorted(set(spans))), known_zone(zone))


def promised_seconds(schedule: Schedule, start: float, end: float) -> float:
    """How much of the time from `start` to `end` (Unix seconds) is promised.

    It costs a little for each hour between them.
    """
    zone = _zone(schedule.zone)
    spans = _week(schedule)
    return sum(
        _overlap(spans, begin + offset, until + offset)
        for begin, until, offset in _steady(zone, start, end)
    )


def known_zone(name: str) -> str:
    """`name`, when it is a time zone that this machine knows. Raises `ConfigError`."""
    _zone(name)
    return name


def _read_span(part: str) -> tuple[Span, str]:
    found = _SPAN.fullmatch(part)
    if found is None:
        raise ConfigError("schedule", part, f"write it like {EXAMPLE!r}")
    days, *times, zone = found.groups(default="")
    first_h, first_min, last_h, last_min = map(int, times)
    start, end = first_h * 60 + first_min, last_h * 60 + last_min
    if max(first_min, last_min) > 59 or start >= _DAY_MIN or end > _DAY_MIN:
        fix = "give times from 00:00 to 23:59, and 24:00 for the end of a day"
        raise ConfigError("schedule", part, fix)
    end = end or _DAY_MIN
    if start == end:
        fix = "the hours have no length; the whole day is 00:00-24:00"
        raise ConfigError("schedule", part, fix)
    return Span(_read_days(days, part), start, end), zone


def _read_days(text: str, part: str) -> tuple[int, ...]:
    if text.lower() == _DAILY:
        return tuple(range(7))
    days: list[int] = []
    for piece in text.split(","):
        first, *rest = (_day(name, part) for name in piece.split("-", 1))
        last = rest[0] if rest else first
        days += [day % 7 for day in range(first, last + 1 + 7 * (last < first))]
    return tuple(sorted(set(days)))


def _day(name: str, part: str) -> int:
    try:
        return _DAYS.index(name.capitalize())
    except ValueError:
        fix = f"name days by {', '.join(_DAYS)}, or {_DAILY}"
        raise ConfigError("schedule", part, fix) from None


def _days_text(days: tuple[int, ...]) -> str:
    if len(days) == 7:
        return _DAILY
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(
        f"{_DAYS[run[0]]}-{_DAYS[run[-1]]}"
        if len(run) > 2
        else ",".join(_DAYS[day] for day in run)
        for run in runs
    )


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@lru_cache(maxsize=1024)
def _zone(name: str) -> tzinfo:
    """The zone of that name. Raises `ConfigError`."""
    if name == DEFAULT_ZONE:
        return UTC
    fix = "name a time zone like Europe/Berlin, or UTC"
    if _ZONE.fullmatch(name) is None:
        raise ConfigError("zone", name[:80], fix)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if not _knows_zones():
            fix = "this machine knows no time zones: install tzdata, or use UTC"
        raise ConfigError("zone", name, fix) from None


def _knows_zones() -> bool:
    try:
        ZoneInfo("Etc/GMT")
    except ZoneInfoNotFoundError:
        return False
    return True


@lru_cache(maxsize=4096)
def _week(schedule: Schedule) -> tuple[tuple[int, int], ...]:
    """The promised seconds of a week from Monday 00:00, ascending, none twice."""
    minutes = []
    for span in schedule.spans:
        for day in span.days:
            start = day * _DAY_MIN + span.start
            end = start + span.minutes
            minutes.append((start, min(end, _WEEK_MIN)))
            if end > _WEEK_MIN:
                minutes.append((0, end - _WEEK_MIN))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(minutes):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple((start * 60, end * 60) for start, end in merged)


def _steady(
    zone: tzinfo, start: float, end: float
) -> Iterator[tuple[float, float, float]]:
    """Cut a time where UTC hours end and where the clocks of the zone are moved.

    Gives from, to, and the zone's seconds ahead of UTC between them.
    """
    offset = _offset(zone, start)
    while start < end:
        until = min((start // HOUR_S + 1) * HOUR_S, end)
        after = _offset(zone, until)
        if after == offset:
            yield start, until, offset
        else:
            moved = _moved(zone, start, until, offset)
            yield start, moved, offset
            yield moved, until, after
        start, offset = until, after


def _offset(zone: tzinfo, at: float) -> float:
    offset = datetime.fromtimestamp(at, zone).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0


def _moved(zone: tzinfo, start: float, end: float, offset: float) -> float:
    """When, to the second, the clocks stop being `offset` ahead."""
    low, high = int(start), int(-(-end // 1))
    while low < high:
        middle = (low + high) // 2
        if _offset(zone, middle) == offset:
            low = middle + 1
        else:
            high = middle
    return min(max(float(low), start), end)


def _overlap(spans: tuple[tuple[int, int], ...], start: float, end: float) -> float:
    """Promised seconds between two local times, at most an hour apart."""
    start_of_week = (start - _MONDAY_S) // _WEEK_S * _WEEK_S + _MONDAY_S
    first, last = start - start_of_week, end - start_of_week
    found = 0.0
    for begin, until in spans:
        found += max(min(until, last) - max(begin, first), 0.0)
        found += max(min(until + _WEEK_S, last) - max(begin + _WEEK_S, first), 0.0)
    return found
