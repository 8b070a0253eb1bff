"""What the agent works on, and what has ended: kept for whoever looks.

It outlives connections. How far an answer is comes from the `Progress` that is counted
where the answer is made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Literal, Protocol

import anyio
import msgspec

from clubai.agent.backends.base import UsageReport
from clubai.agent.view import RECENT, EndedWork, Ending, Lane, Stage, WorkCounts
from clubai.core.agent import AssignmentKey
from clubai.core.speeds import WEIGHT
from clubai.model import FailCode, task_text
from clubai.protocol.assignment import Assigned

DAY_S: Final = 86_400
LEAST_SPAN_MS: Final = 100
"""A speed over a shorter time says nothing."""

_Counted = Ending | Literal["refused"]
_GIVEN_UP: Final = (FailCode.CANCELLED, FailCode.NODE_LOST)


class Progress(Protocol):
    """How far one answer is."""

    @property
    def pieces(self) -> int:
        """Steps that the backend gave."""

    @property
    def first_ms(self) -> int:
        """From the start of the work to its first step; 0: none came yet."""

    @property
    def elapsed_ms(self) -> int:
        """Since the start of the work."""

    @property
    def usage(self) -> UsageReport | None:
        """The tokens, once the answer has been sent to its end."""


class Lanes:
    """The assignments of one agent; `wall_ms` gives Unix milliseconds."""

    def __init__(self, *, wall_ms: Callable[[], int]) -> None:
        self._wall_ms = wall_ms
        self._open: dict[AssignmentKey, _Work] = {}
        self._recent: deque[EndedWork] = deque(maxlen=RECENT)
        self._tally = _Tally(self._now)
        self._speeds: dict[str, float] = {}
        self._emptied = anyio.Event()

    def arrived(self, key: AssignmentKey, assigned: Assigned) -> None:
        """A slot was taken, and the request's records follow."""
        self._open.setdefault(key, _Work(assigned, self._now))

    def working(self, key: AssignmentKey, progress: Progress) -> None:
        """The request is whole, and is answered."""
        work = self._open[key]
        work.stage, work.progress = "working", progress

    def stopping(self, key: AssignmentKey) -> None:
        """Nobody wants the answer any more; the slot is free once it has ended."""
        if key in self._open:
            self._open[key].stage = "stopping"

    def ended(self, key: AssignmentKey, code: FailCode | None) -> None:
        """A slot is free again; None: the answer was sent to its end."""
        work = self._open.pop(key, None)
        if work is None:
            return
        now = self._now
        ended = work.end(key, code, now)
        self._recent.appendleft(ended)
        self._tally.add(ended.ending, ended, now)
        self._measure(work, ended.completion_tokens)
        if not self._open:
            self._emptied.set()
            self._emptied = anyio.Event()

    def lost(self) -> None:
        """The connection ended: what was open is somebody else's now."""
        for key in tuple(self._open):
            self.ended(key, FailCode.NODE_LOST)

    def refused(self) -> None:
        """An assignment was not taken."""
        self._tally.add("refused", None, self._now)

    def view(self) -> tuple[Lane, ...]:
        """The slots in use, the longest so first."""
        return tuple(work.view(key) for key, work in self._open.items())

    @property
    def recent(self) -> tuple[EndedWork, ...]:
        """What has ended, newest first."""
        return tuple(self._recent)

    @property
    def today(self) -> WorkCounts:
        """The counts of this UTC day."""
        return self._tally.today(self._now)

    @property
    def since_start(self) -> WorkCounts:
        """The counts of all days."""
        return self._tally.all

    def speed(self, model: str) -> float:
        """Tokens per second of recent answers of the model; 0: none was measured."""
        return self._speeds.get(model, 0.0)

    @property
    def idle(self) -> bool:
        """Whether no slot is in use."""
        return not self._open

    async def wait_idle(self) -> None:
        """Wait until no slot is in use."""
        while self._open:
            await self._emptied.wait()

    @property
    def _now(self) -> float:
        return self._wall_ms() / 1000

    def _measure(self, work: _Work, tokens: int) -> None:
        if speed := work.speed(tokens):
            model = work.assigned.model
            before = self._speeds.get(model, speed)
            self._speeds[model] = (1 - WEIGHT) * before + WEIGHT * speed


class _Work:
    """One open assignment."""

    def __init__(self, assigned: Assigned, now: float) -> None:
        self.assigned = assigned
        self.stage: Stage = "arriving"
        self.progress: Progress | None = None
        self._started_at = now

    def speed(self, steps: int) -> float:
        """So many steps per second, from the first one until now."""
        progress = self.progress
        if progress is None or not progress.first_ms:
            return 0.0
        span_ms = progress.elapsed_ms - progress.first_ms
        # the first step opens the time that is measured
        return max(steps - 1, 0) * 1000 / span_ms if span_ms >= LEAST_SPAN_MS else 0.0

    def view(self, key: AssignmentKey) -> Lane:
        """The lane as it is now."""
        progress = self.progress
        return Lane(
            task=task_text(key.task),
            part=key.part,
            attempt=key.attempt,
            model=self.assigned.model,
            kind=self.assigned.kind,
            stage=self.stage,
            started_at=self._started_at,
            pieces=progress.pieces if progress else 0,
            pieces_per_second=self.speed(progress.pieces) if progress else 0.0,
            first_token_ms=progress.first_ms if progress else 0,
        )

    def end(self, key: AssignmentKey, code: FailCode | None, now: float) -> EndedWork:
        """What is kept of it; `code` is None when its answer was sent to the end."""
        progress = self.progress
        usage = progress.usage if progress and code is None else None
        return EndedWork(
            task=task_text(key.task),
            part=key.part,
            attempt=key.attempt,
            model=self.assigned.model,
            kind=self.assigned.kind,
            ending=_ending(code),
            code=code.value if code else "",
            prompt_tokens=usage.prompt_tokens if usage else 0,
            completion_tokens=usage.completion_tokens if usage else 0,
            first_token_ms=progress.first_ms if progress else 0,
            seconds=max(now - self._started_at, 0.0),
            ended_at=now,
        )


class _Tally:
    """Counts of today, and of all days."""

    def __init__(self, now: float) -> None:
        self._day = _day(now)
        self._today = WorkCounts()
        self.all = WorkCounts()

    def add(self, what: _Counted, ended: EndedWork | None, now: float) -> None:
        """One more of `what`, with its tokens."""
        self._today = _one_more(self.today(now), what, ended)
        self._day = _day(now)
        self.all = _one_more(self.all, what, ended)

    def today(self, now: float) -> WorkCounts:
        """Those of the UTC day of `now`."""
        return self._today if _day(now) == self._day else WorkCounts()


def _one_more(
    counts: WorkCounts, what: _Counted, ended: EndedWork | None
) -> WorkCounts:
    return msgspec.structs.replace(
        counts,
        **{what: getattr(counts, what) + 1},
        prompt_tokens=counts.prompt_tokens + (ended.prompt_tokens if ended else 0),
        completion_tokens=counts.completion_tokens
        + (ended.completion_tokens if ended else 0),
    )


def _ending(code: FailCode | None) -> Ending:
    if code is None:
        return "done"
    return "cancelled" if code in _GIVEN_UP else "failed"


def _day(now: float) -> int:
    return int(now // DAY_S)
