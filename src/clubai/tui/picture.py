"""What a dashboard knows: the club as it is, and what became of it. Pure.

A `Picture` takes in what a feed gives, item by item, and is read by whoever draws. It
keeps the last of everything: events, changes of standing, samples for the curves,
what happened to each task that is remembered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from clubai.client.feed import FeedItem, FeedState
from clubai.client.mirror import MOST_ENDED, Mirror
from clubai.model import ClubStats, TaskSnapshot
from clubai.protocol.feed import ClubEvent, FeedSnapshot, FeedStats, StandingChange

MOST_EVENTS: Final = 5000
MOST_CHANGES: Final = 5000
MOST_SAMPLES: Final = 3600
MOST_GAPS: Final = 100
MOST_STEPS: Final = 32
"""Of one task: the first ones, and the last."""
SAMPLE_S: Final = 1.0
RATE_OVER_S: Final = 10.0
RECENT_S: Final = 600.0


class Sample(msgspec.Struct, frozen=True, gc=False):
    """The club's counts at one moment."""

    at: float
    queued: int
    slots_used: int
    tokens: int
    """Of answers, since the coordinator started."""
    done: int
    failed: int


class Step(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened to a task."""

    at: float
    state: str
    node: str
    """Its name, or id; empty while none is chosen."""
    reason: str


class Change(msgspec.Struct, frozen=True, gc=False):
    """A change of a node's standing, and when."""

    at: float
    change: StandingChange


class Latency(NamedTuple):
    """Milliseconds to the first token, over the tasks that ended lately."""

    tasks: int
    p50: float
    p95: float


class Picture:
    """All that is known; `version` grows whenever something is new."""

    def __init__(self) -> None:
        self.mirror = Mirror()
        self.state: FeedState | None = None
        """How the feed is; None: it said nothing yet."""
        self.state_at = 0.0
        """When it said so, by this machine's clock."""
        self.refused = ""
        """Why there is no feed, and will be none; empty: there may be."""
        self.heard_at = 0.0
        """When something came last, by this machine's clock."""
        self.version = 0
        self.events: deque[ClubEvent] = deque(maxlen=MOST_EVENTS)
        self.changes: deque[Change] = deque(maxlen=MOST_CHANGES)
        self.samples: deque[Sample] = deque(maxlen=MOST_SAMPLES)
        self.gaps: deque[tuple[float, str]] = deque(maxlen=MOST_GAPS)
        """When events were missed, by this machine's clock, and why."""
        self._steps: dict[str, list[Step]] = {}
        self._most_steps = 2 * MOST_ENDED
        self._counted_at = 0.0
        self._seq = 0
        self._boot = ""
        """Of which process of the coordinator `_seq` is."""
        self._anew = False

    @property
    def stats(self) -> ClubStats | None:
        """The club's counts; None before the first snapshot."""
        return self.mirror.stats

    @property
    def role(self) -> str:
        """In which the club is seen; empty before the first snapshot."""
        return self.mirror.role

    def take(self, item: FeedItem, here: float) -> None:
        """Take in what the feed gave; `here` is this machine's time."""
        self.version += 1
        match item:
            case FeedState():
                if self.state is not None and item.gaps > self.state.gaps:
                    self.gaps.append((here, item.reason))
                self.state, self.state_at = item, here
                return
            case ClubEvent():
                self.events.append(item)
                self._remember(item)
            case FeedSnapshot():
                self._begin(item, here)
            case FeedStats():
                self._sample(item.stats)
        self.heard_at = here
        if not isinstance(item, ClubEvent):
            self._counted_at = here
        self._seq = item.seq
        self.mirror.take(item)

    def refuse(self, reason: str) -> None:
        """The feed has ended for good."""
        self.refused = reason
        self.version += 1

    def begin_again(self) -> None:
        """Another feed of the same club begins, whatever became of the last one."""
        self.refused, self.state = "", None
        self._anew = self.stats is not None
        self.version += 1

    def now(self, here: float) -> float:
        """The coordinator's time, told on from the last counts that came."""
        if self.stats is None:
            return here
        return self.stats.now + max(here - self._counted_at, 0.0)

    def age(self, here: float) -> float:
        """For how many seconds nothing was heard."""
        return max(here - self.heard_at, 0.0) if self.heard_at else 0.0

    @property
    def connected(self) -> bool:
        """The feed is there."""
        return not self.refused and self.state is not None and self.state.connected

    @property
    def tasks(self) -> list[TaskSnapshot]:
        """All that are known, newest first."""
        mirror = self.mirror
        return [*reversed(mirror.live.values()), *reversed(mirror.ended.values())]

    def task(self, task: str) -> TaskSnapshot | None:
        """One task, as long as it is remembered."""
        return self.mirror.live.get(task) or self.mirror.ended.get(task)

    def steps(self, task: str) -> Sequence[Step]:
        """What was seen to happen to a task, oldest first."""
        return self._steps.get(task, ())

    def changes_of(self, node: str) -> list[Change]:
        """The changes of a node's standing that were seen, newest first."""
        return [
            change for change in reversed(self.changes) if change.change.node == node
        ]

    def tokens_per_second(self) -> float:
        """Of the answers that ended in the last seconds."""
        if len(self.samples) < 2:
            return 0.0
        last = self.samples[-1]
        first = last
        for sample in reversed(self.samples):
            if last.at - sample.at > RATE_OVER_S:
                break
            first = sample
        seconds = last.at - first.at
        return (last.tokens - first.tokens) / seconds if seconds > 0 else 0.0

    def latency(self, tasks: Iterable[TaskSnapshot] | None = None) -> Latency:
        """How soon answers began, of those that ended in the last ten minutes."""
        since = (self.stats.now if self.stats else 0.0) - RECENT_S
        among = self.mirror.ended.values() if tasks is None else tasks
        values = sorted(
            task.first_token_ms
            for task in among
            if task.first_token_ms > 0 and task.ended_at >= since
        )
        return Latency(len(values), quantile(values, 0.5), quantile(values, 0.95))

    def _begin(self, snapshot: FeedSnapshot, here: float) -> None:
        seen = (self._boot, self._seq)
        if self._anew and (snapshot.boot, snapshot.seq) != seen:
            self.gaps.append((here, "the screen connected again"))
        self._anew, self._boot = False, snapshot.boot
        known = {task.id for task in snapshot.tasks}
        self._steps = {
            task: steps for task, steps in self._steps.items() if task in known
        }
        self._sample(snapshot.stats)

    def _remember(self, event: ClubEvent) -> None:
        if event.task is not None:
            self._step(event.at, event.task)
        elif event.standing is not None:
            self.changes.append(Change(event.at, event.standing))

    def _step(self, at: float, task: TaskSnapshot) -> None:
        steps = self._steps.setdefault(task.id, [])
        step = Step(at, task.state, task.node_name or task.node, task.reason)
        if len(steps) < MOST_STEPS:
            steps.append(step)
        else:
            steps[-1] = step
        if len(self._steps) > self._most_steps:
            self._forget_steps()

    def _forget_steps(self) -> None:
        mirror = self.mirror
        self._steps = {
            task: steps
            for task, steps in self._steps.items()
            if task in mirror.live or task in mirror.ended
        }
        self._most_steps = max(2 * MOST_ENDED, 2 * len(self._steps))

    def _sample(self, stats: ClubStats) -> None:
        sample = Sample(
            stats.now,
            stats.tasks_queued,
            stats.slots_used,
            stats.completion_tokens,
            stats.tasks_done,
            stats.tasks_failed,
        )
        last = self.samples[-1] if self.samples else None
        if last is not None and (
            stats.completion_tokens < last.tokens or stats.now < last.at
        ):
            self.samples.clear()  # the coordinator was started anew, or its clock set
        elif last is not None and stats.now - last.at < SAMPLE_S:
            return
        self.samples.append(sample)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of them are (nearest rank); 0 without any."""
    if not ordered:
        return 0.0
    rank = -(-share * len(ordered) // 1)
    return ordered[min(max(int(rank), 1), len(ordered)) - 1]
