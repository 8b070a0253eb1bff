"""Changes of a node's standing: how they are told, and the ledger's table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from clubai.tui.grid import Column, Grid, age_column
from clubai.tui.look import Cell, Look, Tone, moment
from clubai.tui.picture import Change

_BAD: Final = ("invalid", "timeout", "broken", "failed", "convicted", "suspended")
_GOOD: Final = ("passed", "reinstated", "trusted", "cleared")
DAY_S: Final = 86_400.0


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a node's standing."""

    number: int
    """Of all changes of standing in the club's life."""
    at: float
    change: str
    points: int
    held: int
    total: int
    """Points after it."""
    count: int = 1
    model: str = ""
    cause: str = ""
    why: str = ""


def read_lines(answer: dict[str, Any]) -> list[Line]:
    """The changes in an answer of `/api/reputation/NODE`.

    Raises:
        KeyError, msgspec.ValidationError: it is no such answer.
    """
    return [
        msgspec.convert({**line, "number": line["seq"]}, Line)
        for line in answer["changes"]
    ]


def line_of(change: Change) -> Line:
    """A change that was seen live."""
    said = change.change
    return Line(
        number=said.number,
        at=change.at,
        change=said.change,
        points=said.points,
        held=said.held,
        total=said.total,
        count=said.count,
        model=said.model,
        cause=said.cause,
        why=said.why,
    )


def merge(fetched: Iterable[Line], live: Iterable[Line]) -> list[Line]:
    """Both, each number once, the newest first."""
    by_number = {line.number: line for line in (*live, *fetched)}
    return [by_number[number] for number in sorted(by_number, reverse=True)]


def moved_since(lines: Iterable[Line], since: float) -> int:
    """The points that these changes added from then on."""
    return sum(line.points for line in lines if line.at >= since)


def signed(points: int) -> str:
    """`+10`, `-20`; `-` when nothing moved."""
    return f"{points:+}" if points else "-"


def change_word(change: str) -> str:
    """The kind of change as people read it."""
    return change.replace("_", " ")


def change_tone(change: str, points: int) -> Tone:
    """Whether it is good news."""
    if points < 0 and change != "decay":
        return "bad"
    return "bad" if change in _BAD else "good" if change in _GOOD else ""


def ledger_grid() -> Grid[Line]:
    """The changes, the newest first."""
    return Grid(LEDGER, key=lambda line: str(line.number), sort="No.")


LEDGER: Final[tuple[Column[Line], ...]] = (
    Column(
        name="No.",
        rank=4,
        width=7,
        right=True,
        cell=lambda line, _: Cell(str(line.number), "muted"),
        sort=lambda line: line.number,
        falling=True,
        says="Its number among all changes of standing in the club's life.",
    ),
    age_column(lambda line: line.at, says="How long ago it was."),
    Column(
        name="Change",
        width=14,
        cell=lambda line, _: Cell(
            change_word(line.change)
            + (f" x{line.count}" if line.count not in (0, 1) else ""),
            change_tone(line.change, line.points),
        ),
        sort=lambda line: line.change,
        says="What kind of change; `x3`: three alike in one.",
    ),
    Column(
        name="Points",
        width=7,
        right=True,
        cell=lambda line, _: Cell(
            signed(line.points), "bad" if line.points < 0 else ""
        ),
        sort=lambda line: line.points,
        falling=True,
        says="What it added to the points.",
    ),
    Column(
        name="Escrow",
        rank=2,
        width=7,
        right=True,
        cell=lambda line, _: Cell(signed(line.held)),
        sort=lambda line: line.held,
        falling=True,
        says="What it added to the points that are held until a check is passed.",
    ),
    Column(
        name="Total",
        width=7,
        right=True,
        cell=lambda line, _: Cell(str(line.total)),
        sort=lambda line: line.total,
        falling=True,
        says="The points after it: the sum of all changes up to it.",
    ),
    Column(
        name="Rests on",
        rank=3,
        width=16,
        cell=lambda line, _: Cell(line.cause or "-"),
        sort=lambda line: line.cause,
        says="The task, check, review or hour that it follows from. Enter opens it.",
    ),
    Column(
        name="Why",
        rank=1,
        width=16,
        grow=True,
        cell=lambda line, _: Cell(line.why or "-"),
        sort=lambda line: line.why,
        says="One sentence that says why.",
    ),
    Column(
        name="Model",
        rank=5,
        width=18,
        cell=lambda line, _: Cell(line.model or "-"),
        sort=lambda line: line.model,
        says="For which model, where that matters.",
    ),
    Column(
        name="At (UTC)",
        rank=6,
        width=19,
        cell=lambda line, _: Cell(moment(line.at)),
        sort=lambda line: line.at,
        falling=True,
        says="When it was.",
    ),
)


def opening(line: Line) -> tuple[str, str]:
    """What Enter opens for a change: its kind, and which; two empty ones: nothing.

    Kinds are `task`, `check`, `review`, `event`; which is its id or number.
    """
    if line.change == "review_opened":
        return "review", str(line.number)
    kind, _, which = line.cause.partition(":")
    if kind in ("task", "check", "review", "event") and which:
        return kind, which
    return "", ""


def window(lines: Iterable[Line], look: Look, *, complete: bool) -> str:
    """What the last 24 hours moved, as far as the lines reach."""
    known = list(lines)
    since = look.now - DAY_S
    reaches = complete or any(line.at < since for line in known)
    moved = moved_since(known, since)
    if reaches:
        return f"{moved:+} in the last 24 h"
    return f"{moved:+} in the newest {len(known)} changes"
