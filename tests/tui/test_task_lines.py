from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len

from clubai.tui.asked import Asked
from clubai.tui.look import Look
from clubai.tui.picture import Change, Step
from clubai.tui.task_lines import (
    NOT_KEPT,
    TaskStory,
    read_story,
    task_lines,
    timeline_lines,
)
from support.dashboard import NOW, change, task

LOOK = Look(now=NOW)
TIMES = {"queued_ms": 500, "first_token_ms": 1000, "total_ms": 2000, "attempts": 1}


def text(
    shown: Any,
    *,
    steps: list[Step] | None = None,
    changes: list[Change] | None = None,
    story: Asked[TaskStory] | None = None,
    look: Look = LOOK,
    width: int = 78,
) -> str:
    asked = story or Asked(read_story)
    lines = task_lines(shown, steps or [], changes or [], asked, look, width)
    return "\n".join("".join(cell.text for cell in line).rstrip() for line in lines)


def test_the_timeline_is_to_scale_and_says_milliseconds() -> None:
    lines = timeline_lines(task(4, **TIMES), (), LOOK, 60)

    shown = ["".join(cell.text for cell in line) for line in lines]
    assert shown[1] == "░" * 15 + "▓" * 15 + "█" * 30
    assert shown[2] == "0" + " " * 52 + "2000 ms"
    assert [" ".join(line.split()) for line in shown[3:]] == [
        "░░ queued 500 ms from 0 ms",
        "▓▓ until first token 500 ms from 500 ms at barn",
        "██ replying 1000 ms from 1000 ms at barn",
    ]


def test_ascii_has_no_blocks() -> None:
    shown = text(task(4, **TIMES), look=LOOK._replace(ascii=True))

    assert shown.isascii()
    assert ".." in shown
    assert "==" in shown
    assert "##" in shown


def test_a_live_task_goes_on() -> None:
    shown = text(task(0, created_at=NOW - 2))

    assert "2000 ms, and goes on" in shown
    assert "Attempts  none yet" in shown
    assert "all slots of its nodes are in use" in shown
    assert NOT_KEPT in shown


def test_each_attempt_has_its_node_and_why_it_ended() -> None:
    shown = task(5, created_at=NOW - 9, attempts=3, total_ms=900, queued_ms=10)
    steps = [
        Step(NOW - 8.95, "offered", "attic", ""),
        Step(NOW - 8.9, "replying", "attic", ""),
        Step(NOW - 8.6, "queued", "", "waits for a slot"),
        Step(NOW - 8.5, "running", "cellar", ""),
    ]

    lines = text(shown, steps=steps).split("Attempts  ")[1].splitlines()

    assert lines[1].startswith("1  cellar  10 ms")  # as the task counted it
    assert (
        lines[2] == "2  attic  50 ms to 400 ms, first token at 100 ms: tried elsewhere"
    )
    assert lines[3] == "3  cellar  500 ms to 900 ms: the node was lost"


def test_attempts_that_nobody_saw_are_counted() -> None:
    shown = text(task(4, **{**TIMES, "attempts": 3}))

    assert "2 before this screen looked" in shown
    assert "3  barn  500 ms to 2000 ms, first token at 1000 ms: answered" in shown


def test_the_story_is_told_with_its_times() -> None:
    story = Asked(read_story)
    line = {"at": NOW - 1.75, "what": "offered: to barn\x1b[2J"}
    story.take({"task": {}, "story": [line], "more": 1}, NOW)

    shown = text(task(4, created_at=NOW - 2), story=story)

    assert "asked 0 s ago" in shown
    assert "     250 ms  offered: to barn?[2J" in shown


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("404: there is no such task", "there is no such task"),
        ({"story": 3}, "cannot read"),
        ({}, "The club tells nothing of it."),
    ],
)
def test_a_story_that_is_not_there_breaks_nothing(answer: Any, says: str) -> None:
    story = Asked(read_story)
    story.take(answer, NOW)

    shown = text(task(4), story=story)

    assert says in shown
    assert NOT_KEPT in shown


def test_the_points_that_moved_for_it_are_told() -> None:
    moved = [Change(NOW, change(4)), Change(NOW, change(5, "timeout", -20))]

    shown = text(task(4), changes=moved)
    assert "barn  completed +10" in shown
    assert "timeout" not in shown
    assert "no answer within 30 s" in text(task(5), changes=moved)
    assert "Points that moved" not in text(task(3), changes=moved)


@pytest.mark.parametrize("width", [20, 38, 58, 78, 138, 198])
@pytest.mark.parametrize("number", range(6))
def test_no_line_is_wider_than_the_screen(number: int, width: int) -> None:
    long = task(number, model="m" * 300, member="\u202e" * 90, reason="why " * 99)

    lines = text(long, width=width).splitlines()

    most = 200 if width < 58 else width  # the screen says that it is too small before
    assert max(cell_len(line) for line in lines) <= most
