"""The table of what was done to one node, and of the notes on it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from clubai.model import Value
from clubai.tui.grid import Column, Grid, age_column
from clubai.tui.look import Cell, moment

NOTED: Final = "node.noted"


class AuditLine(Value, frozen=True, kw_only=True):
    """One line of the audit log."""

    seq: int
    at: float
    action: str
    actor: str = ""
    """The member who did it; empty when nobody is known to have."""
    detail: str = ""


def read_notes(answer: dict[str, Any]) -> list[AuditLine]:
    """The lines in an answer of `/api/audit`.

    Raises:
        KeyError, msgspec.ValidationError: it is no such answer.
    """
    return msgspec.convert(answer["entries"], list[AuditLine])


def notes_grid() -> Grid[AuditLine]:
    """The lines, in the order in which they are given: the newest first."""
    return Grid(NOTES, key=lambda line: str(line.seq))


def _what(line: AuditLine) -> Cell:
    if line.action == NOTED:
        return Cell("note", "accent")
    return Cell(line.action)


NOTES: Final[tuple[Column[AuditLine], ...]] = (
    Column(
        name="When (UTC)",
        rank=2,
        width=19,
        cell=lambda line, _: Cell(moment(line.at)),
        sort=lambda line: line.at,
        falling=True,
        says="When it was done.",
    ),
    age_column(lambda line: line.at, says="How long ago that was."),
    Column(
        name="What",
        width=16,
        cell=lambda line, _: _what(line),
        sort=lambda line: line.action,
        says="A note, or what was done, as the audit log calls it.",
    ),
    Column(
        name="Who",
        rank=1,
        width=14,
        cell=lambda line, _: Cell(line.actor or "-"),
        sort=lambda line: line.actor,
        says="The member who did it.",
    ),
    Column(
        name="Text",
        width=16,
        grow=True,
        cell=lambda line, _: Cell(line.detail or "-"),
        sort=lambda line: line.detail,
        says="The note, or the particulars.",
    ),
)
