"""Rows as text to take elsewhere: JSON, or a Markdown table. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec

from clubai.tui import plain
from clubai.tui.grid import Grid
from clubai.tui.look import Look

T = TypeVar("T")
MOST_CELL: Final = 1000


def as_json(rows: Sequence[Any]) -> str:
    """One row as an object, several as an array, indented."""
    value = [msgspec.to_builtins(row) for row in rows]
    line = plain.to_json(value[0] if len(value) == 1 else value)
    return msgspec.json.format(line, indent=2)


def as_json_lines(rows: Sequence[Any]) -> str:
    """Each row as an object on a line of its own."""
    return "".join(f"{plain.to_json(row)}\n" for row in rows)


def as_markdown(grid: Grid[T], rows: Sequence[T], look: Look | None = None) -> str:
    """The rows with all columns of their grid, safe to paste into a terminal."""
    written = look or grid.look
    heads = [column.name for column in grid.columns]
    body = (
        _line([column.cell(row, written).text for column in grid.columns])
        for row in rows
    )
    return "\n".join((_line(heads), _line(["---"] * len(heads)), *body))


def _line(cells: Sequence[str]) -> str:
    lines = (plain.name(cell.replace("\n", " "), MOST_CELL) for cell in cells)
    escaped = (line.replace("\\", "\\\\").replace("|", "\\|") for line in lines)
    return f"| {' | '.join(escaped)} |"
