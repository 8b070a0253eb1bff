"""What there is to say of one task, as lines of text: pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, Final

import msgspec

from clubai.model import TaskSnapshot, Value
from clubai.tui.asked import Asked
from clubai.tui.look import Cell, Look, Tone, clock, rate, state_cell
from clubai.tui.picture import Change, Step
from clubai.tui.tables.tasks import node_of, tokens_per_second
from clubai.tui.timeline import (
    ENDED,
    Phase,
    Segment,
    attempts,
    segments,
    shares,
    total_ms,
)

Lines = list[list[Cell]]

NOT_KEPT: Final = "What was asked and answered is not kept by the club."
MOST_WIDTH: Final = 120
"""Of the timeline: a longer one is not read better."""
_LABEL: Final = 10
_SIGNS: Final[dict[Phase, tuple[str, str, Tone]]] = {
    "queued": ("░", ".", "warn"),
    "offered": ("▒", "-", "muted"),
    "running": ("▓", "=", "accent"),
    "replying": ("█", "#", "good"),
}
"""Each sign, the one in ASCII, and what it means."""


class StoryLine(Value, frozen=True, kw_only=True):
    """One thing that happened to a task, as the club tells it."""

    at: float
    what: str


class TaskStory(Value, frozen=True, kw_only=True):
    """What the club tells of one task."""

    story: tuple[StoryLine, ...] = ()


def read_story(answer: dict[str, Any]) -> TaskStory:
    """Read an answer of `/api/tasks/ID`. Raises `msgspec.ValidationError`."""
    return msgspec.convert(answer, TaskStory)


def task_lines(
    task: TaskSnapshot,
    steps: Sequence[Step],
    changes: Sequence[Change],
    story: Asked[TaskStory],
    look: Look,
    width: int,
) -> Lines:
    """All of it, for a screen of this width."""
    return [
        *_facts(task, look, width),
        [],
        *timeline_lines(task, steps, look, min(width, MOST_WIDTH)),
        [],
        *_tries(task, steps, look, width),
        [],
        *_story(task, story, look, width),
        *_points(task, changes, look, width),
        [],
        [Cell(NOT_KEPT, "muted")],
    ]


def timeline_lines(
    task: TaskSnapshot, steps: Sequence[Step], look: Look, width: int
) -> Lines:
    """The task's time to scale, then each stretch of it with its milliseconds."""
    found = segments(task, steps, look.now)
    widths = shares([segment.ms for segment in found], width)
    bar = [
        Cell(_sign(segment.phase, look) * share, _SIGNS[segment.phase][2])
        for segment, share in zip(found, widths, strict=True)
    ]
    end = f"{total_ms(task, look.now)} ms"
    ended = task.state in ENDED
    right = end if ended else f"{end}, and goes on"
    scale = look.align("0", max(width - len(right), 2)) + right
    return [
        _head("Timeline", "from the request to the end" if ended else "until now"),
        bar,
        [Cell(scale, "muted")],
        *(
            _stretch(segment, then, look, width)
            for segment, then in zip_longest(found, found[1:])
        ),
    ]


def _facts(task: TaskSnapshot, look: Look, width: int) -> Lines:
    speed = rate(tokens_per_second(task))
    tokens = f"{task.prompt_tokens} asked, {task.completion_tokens} answered"
    pairs = [
        ("state", state_cell(task.state)),
        ("node", Cell(node_of(task) or "-")),
        ("model", Cell(task.model)),
        ("member", Cell(task.member)),
        ("kind", Cell(task.kind)),
        ("mode", Cell(task.mode)),
        ("tokens", Cell(tokens)),
        ("tok/s", Cell(speed if task.state in ENDED else "- (known at its end)")),
        ("asked", Cell(f"{clock(task.created_at)}, {look.age(task.created_at)} ago")),
        ("ended", Cell(clock(task.ended_at) if task.ended_at else "-")),
    ]
    lines = [[Cell(look.align("task", _LABEL), "muted"), Cell(task.id)]]
    if width < 2 * 34:
        lines += [_fact(name, cell, look, width) for name, cell in pairs]
    else:
        half = width // 2
        for one, other in zip(pairs[::2], pairs[1::2], strict=True):
            lines.append([*_fact(*one, look, half), *_fact(*other, look, width - half)])
    if task.reason:
        tone: Tone = "bad" if task.state == "failed" else "warn"
        lines.append(_fact("reason", Cell(task.reason, tone), look, width))
    return lines


def _fact(name: str, cell: Cell, look: Look, width: int) -> list[Cell]:
    text = look.align(cell.text, max(width - _LABEL, 0))
    return [Cell(look.align(name, _LABEL), "muted"), Cell(text, cell.tone)]


def _stretch(
    segment: Segment, then: Segment | None, look: Look, width: int
) -> list[Cell]:
    sign, tone = _sign(segment.phase, look), _SIGNS[segment.phase][2]
    at = f"from {segment.begin_ms} ms"
    node = f"at {segment.node}" if segment.node else ""
    word: str = segment.phase
    if word == "running" and then is not None and then.phase == "replying":
        word = "until first token"
    text = f" {word:<18}{segment.ms:>8} ms   {at:<16} {node}"
    return [Cell(sign * 2, tone), Cell(look.fit(text.rstrip(), width - 2))]


def _tries(task: TaskSnapshot, steps: Sequence[Step], look: Look, width: int) -> Lines:
    found = attempts(task, steps, look.now)
    number = f"{task.attempts}" if task.attempts else "none yet"
    if task.state in ENDED and not task.attempts:
        number = "none"
    lines = [_head("Attempts", number)]
    unseen = task.attempts - len(found)
    if unseen > 0:
        text = f"{unseen} before this screen looked: what happened tells of it"
        lines.append([Cell(look.fit(text, width), "muted")])
    for index, each in enumerate(found, max(unseen, 0) + 1):
        text = f"{index}  {each.node or '-'}  {each.begin_ms} ms to "
        text += f"{each.begin_ms + each.ms} ms"
        if each.first_token_ms:
            text += f", first token at {each.first_token_ms} ms"
        end = each.end or "it has not ended"
        lines.append([Cell(look.fit(f"{text}: {end}", width), _tone(each.end))])
    return lines


def _story(
    task: TaskSnapshot, story: Asked[TaskStory], look: Look, width: int
) -> Lines:
    tone: Tone = "warn" if story.refused else "muted"
    lines = [[Cell("What happened  ", "accent"), Cell(story.age(look), tone)]]
    told = story.value.story if story.value is not None else ()
    if story.value is not None and not told:
        lines.append([Cell("The club tells nothing of it.", "muted")])
    for line in told:
        ms = round((line.at - task.created_at) * 1000)
        lines.append([Cell(look.fit(f"{ms:>8} ms  {line.what}", width))])
    return lines


def _points(
    task: TaskSnapshot, changes: Sequence[Change], look: Look, width: int
) -> Lines:
    cause = f"task:{task.id}"
    lines: Lines = []
    for seen in changes:
        change = seen.change
        if change.cause == cause:
            held = f", {change.held:+} held" if change.held else ""
            why = f": {change.why}" if change.why else ""
            text = f"{clock(seen.at)}  {change.name}  {change.change} {change.points:+}"
            tone: Tone = "bad" if change.points + change.held < 0 else "good"
            lines.append([Cell(look.fit(f"{text}{held}{why}", width), tone)])
    return [[], _head("Points that moved for it", ""), *lines] if lines else []


def _head(title: str, more: str) -> list[Cell]:
    return [Cell(title, "accent"), Cell(f"  {more}" if more else "", "muted")]


def _tone(end: str) -> Tone:
    if end == "answered":
        return "good"
    return "bad" if end else "accent"


def _sign(phase: Phase, look: Look) -> str:
    return _SIGNS[phase][1 if look.ascii else 0]
