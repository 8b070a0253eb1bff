"""The tables of an owner's points and of the agent's log."""

from __future__ import annotations

from typing import Final

from clubai.tui.grid import Column, Grid
from clubai.tui.logtail import LogLine
from clubai.tui.look import Cell, Tone, clock, moment
from clubai.tui.tables.standing import Line

LEVELS: Final[dict[str, Tone]] = {
    "debug": "muted",
    "info": "",
    "warning": "warn",
    "error": "bad",
    "critical": "bad",
}


def changes_grid() -> Grid[Line]:
    """The changes of points, the newest first."""
    return Grid(CHANGES, key=lambda change: str(change.number))


def log_grid() -> Grid[LogLine]:
    """The log, the newest line first."""
    return Grid(LOG, key=lambda line: str(line.number))


def signed(points: int) -> Cell:
    """Points that come or go."""
    if not points:
        return Cell("-", "muted")
    return Cell(f"{points:+}", "good" if points > 0 else "bad")


CHANGES: Final[tuple[Column[Line], ...]] = (
    Column(
        name="At (UTC)",
        width=19,
        cell=lambda change, _: Cell(moment(change.at)),
        sort=lambda change: change.at,
        falling=True,
        says="When, by the coordinator's clock.",
    ),
    Column(
        name="Change",
        width=12,
        cell=lambda change, _: Cell(change.change),
        sort=lambda change: change.change,
        says="What happened.",
    ),
    Column(
        name="Points",
        width=6,
        right=True,
        cell=lambda change, _: signed(change.points),
        sort=lambda change: change.points,
        falling=True,
        says="What it adds to the points.",
    ),
    Column(
        name="Held",
        rank=2,
        width=6,
        right=True,
        cell=lambda change, _: signed(change.held),
        sort=lambda change: change.held,
        falling=True,
        says="What it adds to the points in escrow.",
    ),
    Column(
        name="Total",
        rank=1,
        width=6,
        right=True,
        cell=lambda change, _: Cell(str(change.total)),
        sort=lambda change: change.total,
        falling=True,
        says="Points after it.",
    ),
    Column(
        name="Rests on",
        rank=3,
        width=20,
        cell=lambda change, _: Cell(change.cause or "-"),
        sort=lambda change: change.cause,
        says="The task, check or review behind it.",
    ),
    Column(
        name="Why",
        width=12,
        grow=True,
        cell=lambda change, _: Cell(change.why or "-"),
        sort=lambda change: change.why,
        says="In words.",
    ),
)
"""The ledger of one node."""

LOG: Final[tuple[Column[LogLine], ...]] = (
    Column(
        name="At",
        width=8,
        cell=lambda line, _: Cell(clock(line.at)),
        sort=lambda line: line.number,
        falling=True,
        says="When, in this machine's zone.",
    ),
    Column(
        name="Level",
        width=8,
        cell=lambda line, _: Cell(line.level, LEVELS.get(line.level, "")),
        sort=lambda line: list(LEVELS).index(line.level) if line.level in LEVELS else 9,
        falling=True,
        says="debug, info, warning or error.",
    ),
    Column(
        name="Logger",
        rank=1,
        width=24,
        cell=lambda line, _: Cell(line.logger),
        sort=lambda line: line.logger,
        says="Which module wrote it.",
    ),
    Column(
        name="Text",
        width=20,
        grow=True,
        cell=lambda line, _: Cell(line.text),
        sort=lambda line: line.text,
        says="What it says.",
    ),
)
"""What the agent logged."""
