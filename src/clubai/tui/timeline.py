"""Where the time of one task went, from its request to its end: pure.

What was seen of a task tells it exactly. Of the time before the first thing that was
seen the task's own counts tell: how long it waited, and when its answer began.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from clubai.model import TaskSnapshot
from clubai.tui.picture import Step

Phase = Literal["queued", "offered", "running", "replying"]
"""What a task does; `running` until the first token of its answer."""

PHASES: Final[tuple[Phase, ...]] = ("queued", "offered", "running", "replying")
ENDED: Final = ("done", "failed")


class Segment(NamedTuple):
    """A stretch of a task's time. All times are whole milliseconds."""

    phase: Phase
    begin_ms: int
    """Since the request."""
    ms: int
    node: str
    """At which node it was; empty: at none."""


class Attempt(NamedTuple):
    """One node's try at a task."""

    node: str
    begin_ms: int
    """Since the request."""
    ms: int
    first_token_ms: int
    """Since the request; 0: none came."""
    end: str
    """Why it ended; empty: it has not."""


class _Mark(NamedTuple):
    ms: int
    phase: Phase
    node: str


def total_ms(task: TaskSnapshot, now: float) -> int:
    """How long a task took, or takes until now."""
    if task.state in ENDED:
        return max(task.total_ms, 0)
    return max(round((now - task.created_at) * 1000), 0)


def segments(
    task: TaskSnapshot, steps: Sequence[Step], now: float
) -> tuple[Segment, ...]:
    """A task's time in order, without gaps: together they are `total_ms`.

    Args:
        task: As it is now.
        steps: What was seen to happen to it, oldest first; not all need be there.
        now: The coordinator's time, Unix seconds, by which a live task goes on.
    """
    total = total_ms(task, now)
    marks = _marks(task, steps, total)
    ends = [mark.ms for mark in marks[1:]] + [total]
    found = [
        Segment(mark.phase, mark.ms, end - mark.ms, mark.node)
        for mark, end in zip(marks, ends, strict=True)
        if end > mark.ms
    ]
    return tuple(found) or (Segment(marks[-1].phase, 0, 0, marks[-1].node),)


def attempts(
    task: TaskSnapshot, steps: Sequence[Step], now: float
) -> tuple[Attempt, ...]:
    """Each node's try that is known, oldest first.

    A task may have had more of them, before anybody looked: `task.attempts` counts all.
    """
    total = total_ms(task, now)
    marks = [*_marks(task, steps, total), None]
    tries: list[Attempt] = []
    begun: _Mark | None = None
    replied = 0
    for before, mark in pairwise([None, *marks]):
        over = mark is None or mark.phase == "queued" or _is_next(before, mark)
        if begun is not None and over:
            end_ms = total if mark is None else mark.ms
            end = _end(task) if mark is None else "tried elsewhere"
            ms = end_ms - begun.ms
            tries.append(Attempt(begun.node, begun.ms, ms, replied, end))
            begun, replied = None, 0
        if mark is None or mark.phase == "queued":
            continue
        begun = begun or mark
        if mark.phase == "replying":
            replied = replied or mark.ms
    return tuple(tries)


def shares(lengths: Sequence[int], width: int) -> list[int]:
    """Divide `width` signs among lengths, to scale; together they are `width`.

    Whatever is longer than nothing gets a sign, while there are as many; so the
    longest ones give some of theirs. Without any length the first gets all.
    """
    width = max(width, 0)
    if not lengths:
        return []
    total = sum(lengths)
    if total <= 0:
        return [width] + [0] * (len(lengths) - 1)
    given = [length * width // total for length in lengths]
    by_rest = sorted(
        range(len(lengths)),
        key=lambda index: (-(lengths[index] * width % total), index),
    )
    for index in by_rest[: width - sum(given)]:
        given[index] += 1
    for index, length in enumerate(lengths):
        longest = max(range(len(given)), key=given.__getitem__)
        if length > 0 and not given[index] and given[longest] > 1:
            given[index], given[longest] = 1, given[longest] - 1
    return given


def _marks(task: TaskSnapshot, steps: Sequence[Step], total: int) -> list[_Mark]:
    """When each phase began, in order and within the task's time."""
    seen: list[_Mark] = []
    for step in steps:
        phase = _phase(step.state)
        if phase is not None:
            at = max(round((step.at - task.created_at) * 1000), 0)
            seen.append(_Mark(at, phase, "" if phase == "queued" else step.node))
    first = seen[0].ms if seen else total
    before = [mark for mark in _counted(task) if mark.ms < first or not seen]
    marks = [_Mark(0, "queued", "")]
    for mark in (*before, *seen):
        placed = mark._replace(ms=min(max(mark.ms, marks[-1].ms), total))
        if placed[1:] != marks[-1][1:]:
            marks.append(placed)
    return marks


def _counted(task: TaskSnapshot) -> list[_Mark]:
    """The phases of which the task's own counts tell."""
    if not task.attempts or task.state == "queued":
        return []
    node = task.node_name or task.node
    phase: Phase = "offered" if task.state == "offered" else "running"
    marks = [_Mark(task.queued_ms, phase, node)]
    if task.first_token_ms:
        marks.append(_Mark(task.first_token_ms, "replying", node))
    return marks


def _is_next(before: _Mark | None, mark: _Mark) -> bool:
    """One try follows on another without a wait."""
    if before is None or before.phase == "queued":
        return False
    return before.node != mark.node or PHASES.index(mark.phase) < PHASES.index(
        before.phase
    )


def _end(task: TaskSnapshot) -> str:
    if task.state == "done":
        return "answered"
    return (task.reason or "failed") if task.state == "failed" else ""


def _phase(state: str) -> Phase | None:
    return next((phase for phase in PHASES if phase == state), None)
