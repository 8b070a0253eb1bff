"""Which clock hours (UTC) a node was here, and which promised ones it kept. Pure.

```
up        here for the hour, less GRACE_S
promised  the schedule promises half of the hour or more
  excused   paused, drained or made to go at some time in it, or the coordinator came
            up in it
  kept      here for what is promised of the hour, less GRACE_S
  broken    else
```

A schedule counts from the next full hour after it was published, and so does its
withdrawal: nobody takes back the hour that runs. Work is done when an hour ends, and
then for each node that is here, has a schedule or is paused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from clubai.model import NodeId
from clubai.reputation.facts import HoursPassed
from clubai.reputation.promise import HOUR_S, Schedule, promised_seconds

GRACE_S: Final = 300.0
"""Of each hour that may be missed."""
_PROMISED_S: Final = HOUR_S / 2
_promised = lru_cache(maxsize=1024)(promised_seconds)
"""Many nodes are asked of the same hour, and each of them twice."""


def next_hour(at: float) -> float:
    """When the first full clock hour after `at` begins."""
    return (at // HOUR_S + 1) * HOUR_S


@dataclass(slots=True, eq=False)
class _Watched:
    """One node in the hour that runs."""

    since: float | None = None
    """Here since then, or since the hour began; None: not here."""
    up_s: float = 0.0
    """Here before `since`."""
    promised_s: float = 0.0
    """As much of `up_s` as is promised."""
    schedule: Schedule | None = None
    """The one that counts in this hour."""
    coming: Schedule | None = None
    """The one that counts from the next."""
    paused: bool = False
    excused: bool = False
    """Paused, or made to go, at some time in this hour."""

    def stay(self, until: float) -> None:
        """Count the time since `since`; nothing when the node is not here."""
        if self.since is None:
            return
        self.up_s += until - self.since
        if self.schedule is not None:
            self.promised_s += _promised(self.schedule, self.since, until)
        self.since = until

    def begin_hour(self) -> None:
        """Forget the hour that ended."""
        self.up_s = self.promised_s = 0.0
        self.schedule = self.coming
        self.excused = self.paused

    @property
    def idle(self) -> bool:
        """Nothing is to be known of it."""
        return self.since is None and self.coming is None and not self.paused


@dataclass(slots=True, eq=False)
class _Counts:
    """What one node did in hours of one day that nobody was told yet."""

    last: float
    up: int = 0
    kept: int = 0
    broken: int = 0


class Hours:
    """Tells hours that have ended. Times are Unix seconds.

    A time before an earlier one counts as that one. The first call should be
    `coordinator_up`; any other one stands for it.
    """

    def __init__(self) -> None:
        self._nodes: dict[NodeId, _Watched] = {}
        self._hour: float | None = None
        """When the hour that runs began; None: nothing was told yet."""
        self._now = 0.0
        self._whole = False
        """The coordinator was up since the hour began."""
        self._ended: dict[tuple[NodeId, str], _Counts] = {}

    def coordinator_up(self, at: float) -> None:
        """The coordinator begins, maybe anew: no node is here yet.

        The hours that it missed, and this one, break no promise. Schedules and
        pauses stay.
        """
        at = max(at, self._now)
        self._hour = at // HOUR_S * HOUR_S
        self._whole = at == self._hour
        self._now = at
        for node in self._nodes.values():
            node.since = None
            node.begin_hour()

    def up(self, node: NodeId, at: float) -> None:
        """The node is here from now on; nothing when it is already."""
        watched = self._watch(node, at)
        if watched.since is None:
            watched.since = self._now

    def down(self, node: NodeId, at: float) -> None:
        """The node is gone, or not heard from."""
        watched = self._watch(node, at)
        watched.stay(self._now)
        watched.since = None

    def paused(self, node: NodeId, at: float) -> None:
        """The owner announced that the node pauses or drains."""
        watched = self._watch(node, at)
        watched.paused = watched.excused = True

    def resumed(self, node: NodeId, at: float) -> None:
        """The owner let the node go on."""
        self._watch(node, at).paused = False

    def excuse(self, node: NodeId, at: float) -> None:
        """The club made the node go: the hour that runs breaks no promise."""
        self._watch(node, at).excused = True

    def schedule(self, node: NodeId, schedule: Schedule | None, at: float) -> None:
        """The owner published hours, or withdrew them: from the next full hour on."""
        self._watch(node, at).coming = schedule

    def forget(self, node: NodeId) -> None:
        """The node was removed from the club: nothing more is told of it."""
        self._nodes.pop(node, None)

    def advance(self, now: float) -> list[HoursPassed]:
        """Tell of the hours that ended by `now`: one fact for each node and day."""
        self._roll(now)
        ended, self._ended = self._ended, {}
        return [
            HoursPassed(
                node=node,
                last_hour=_moment(counts.last).strftime("%Y-%m-%dT%H:00:00Z"),
                day=day,
                up=counts.up,
                kept=counts.kept,
                broken=counts.broken,
            )
            for (node, day), counts in ended.items()
        ]

    def next_deadline(self) -> float | None:
        """When to call `advance` next; None: no node is watched."""
        if self._ended:
            return self._now
        if self._hour is None or not self._nodes:
            return None
        return self._hour + HOUR_S

    def _watch(self, node: NodeId, at: float) -> _Watched:
        self._roll(at)
        return self._nodes.setdefault(node, _Watched())

    def _roll(self, now: float) -> None:
        """End the hours that ended by `now`."""
        if self._hour is None:
            self.coordinator_up(now)
            return
        self._now = max(now, self._now)
        begun = self._now // HOUR_S * HOUR_S
        while self._nodes and self._hour < begun:
            self._end_hour(self._hour)
            self._hour += HOUR_S
            self._whole = True
        if self._hour < begun:
            self._hour, self._whole = begun, True

    def _end_hour(self, hour: float) -> None:
        day = _moment(hour).date().isoformat()
        idle = []
        for node, watched in self._nodes.items():
            watched.stay(hour + HOUR_S)
            up = watched.up_s >= HOUR_S - GRACE_S
            kept = self._kept(watched, hour)
            if up or kept is not None:
                counts = self._ended.setdefault((node, day), _Counts(hour))
                counts.last = hour
                counts.up += up
                counts.kept += kept is True
                counts.broken += kept is False
            watched.begin_hour()
            if watched.idle:
                idle.append(node)
        for node in idle:
            del self._nodes[node]

    def _kept(self, watched: _Watched, hour: float) -> bool | None:
        """Whether the promise of an hour was kept; None: there was none."""
        if watched.schedule is None or watched.excused or not self._whole:
            return None
        promised_s = _promised(watched.schedule, hour, hour + HOUR_S)
        if promised_s < _PROMISED_S:
            return None
        return watched.promised_s >= promised_s - GRACE_S


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
