"""The table of reviews, and a check or a review as text to read."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from clubai.model import NICKNAME_LENGTH
from clubai.tui import plain
from clubai.tui.grid import Column, Grid, age_column
from clubai.tui.look import Cell, moment

_NO_TEXT: Final = (
    "No text is kept of members' work: there is the verdict alone, signed by the "
    "member's client."
)


class ReviewRow(msgspec.Struct, frozen=True, kw_only=True):
    """One review: why it was opened."""

    seq: int
    at: float
    node: str
    name: str
    why: str
    cause: str
    open: bool
    outcome: str = ""


def read_reviews(answer: dict[str, Any]) -> list[ReviewRow]:
    """The reviews that `/api/reviews` answered.

    Raises:
        KeyError, msgspec.ValidationError: it is no such answer.
    """
    rows = msgspec.convert(answer["reviews"], list[ReviewRow])
    return [
        row
        if row.name
        else msgspec.structs.replace(row, name=row.node[:NICKNAME_LENGTH])
        for row in rows
    ]


def evidence(row: ReviewRow) -> str:
    """What there is to judge by."""
    return "1 check" if row.cause.startswith("check:") else "verdict"


def check_text(check: dict[str, Any]) -> str:
    """One of the club's own checks, side by side; no terminal obeys it.

    Raises:
        KeyError: it is no check.
    """
    parts = [
        ("the club asked", check["prompt"]),
        ("expected", check["expected"]),
        *(("a reference answered", text) for text in check["references"]),
        ("the node answered", check["got"]),
        ("judged", f"{check['kind']}: {check['why']}"),
    ]
    return "\n\n".join(
        f"{title}:\n{_indent(str(text))}" for title, text in parts if text
    )


def review_text(one: dict[str, Any]) -> str:
    """One review with its evidence.

    Raises:
        KeyError: it is no review.
    """
    node = one["name"] or one["node"][:NICKNAME_LENGTH]
    state = "open" if one["open"] else f"ended: {one['outcome']}"
    head = "\n".join(
        plain.text(line)
        for line in (
            f"review    {one['seq']}, opened {moment(one['at'])} UTC",
            f"node      {node}",
            f"why       {one['why']}",
            f"rests on  {one['cause']}",
            f"state     {state}",
        )
    )
    checks = [check_text(check) for check in one["evidence"]]
    if not checks:
        checks = [_NO_TEXT]
    return "\n\n".join((head, *checks))


def reviews_grid() -> Grid[ReviewRow]:
    """The reviews, the oldest first."""
    return Grid(REVIEWS, key=lambda row: str(row.seq), sort="No.")


def _indent(text: str) -> str:
    lines = plain.text(text).splitlines() or [""]
    return "\n".join(f"  {line}" for line in lines)


REVIEWS: Final[tuple[Column[ReviewRow], ...]] = (
    Column(
        name="No.",
        width=6,
        right=True,
        cell=lambda row, _: Cell(str(row.seq)),
        sort=lambda row: row.seq,
        says="The number of the change of standing that opened it.",
    ),
    age_column(lambda row: row.at, says="How long ago it was opened."),
    Column(
        name="State",
        width=6,
        cell=lambda row, _: Cell(*(("open", "warn") if row.open else ("ended", ""))),
        sort=lambda row: row.open,
        falling=True,
        says="Open, or ended.",
    ),
    Column(
        name="Node",
        width=10,
        cell=lambda row, _: Cell(row.name),
        sort=lambda row: row.name.lower(),
        says="Whose answer it is about.",
    ),
    Column(
        name="Evidence",
        rank=1,
        width=8,
        cell=lambda row, _: Cell(evidence(row)),
        sort=evidence,
        says="What there is to judge by: one of the club's own checks with its texts, "
        "or a member's verdict alone.",
    ),
    Column(
        name="Why",
        width=20,
        grow=True,
        cell=lambda row, _: Cell(row.why or "-"),
        sort=lambda row: row.why,
        says="Why it was opened.",
    ),
    Column(
        name="Rests on",
        rank=2,
        width=24,
        cell=lambda row, _: Cell(row.cause or "-"),
        sort=lambda row: row.cause,
        says="The task or the check.",
    ),
    Column(
        name="Outcome",
        rank=3,
        width=24,
        cell=lambda row, _: Cell(row.outcome or "-"),
        sort=lambda row: row.outcome,
        says="What was said when it ended.",
    ),
)
