"""Every screen in every state, as a picture.

`pytest tests/tui/test_snapshots.py --snapshot-update` takes them anew: look at what
changed before it is committed. A new screen is a line in `support.dashboard_shots`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rich.cells import cell_len
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot

from clubai.tui.app import VIEWS, View
from clubai.tui.board import Board
from clubai.tui.screens.base import ClubScreen
from clubai.tui.widgets.table import LiveTable
from support.dashboard import Scripted, picture_of, settled, shown, text_of
from support.dashboard_shots import ANSWERS, SHOTS, STATES, Shot

WIDTHS = (60, 80, 100, 140, 200)


@asynccontextmanager
async def walked(
    view: View, state: str, size: tuple[int, int]
) -> AsyncIterator[tuple[Board, Pilot[None]]]:
    given = STATES[state]
    source = Scripted(given.items(), answers=dict(ANSWERS))
    async with shown(
        source, size=size, view=view, keys=given.keys, toasts=False, **given.options
    ) as pair:
        yield pair


async def go(pilot: Pilot[None], shot: Shot) -> None:
    """Go there by its keys."""
    await leave(pilot)
    await pilot.press(shot.keys[0])
    await settled(pilot)
    board = pilot.app
    assert isinstance(board, Board)
    await reset(pilot, board)
    if len(shot.keys) > 1:
        await pilot.press(*shot.keys[1:])
        await settled(pilot)


async def leave(pilot: Pilot[None]) -> None:
    """Answer what asks, with no; leave a line that is typed in."""
    for _ in range(4):
        screen = pilot.app.screen
        if isinstance(screen, ClubScreen) and screen.focused is None:
            return
        if isinstance(screen, ClubScreen) and isinstance(screen.focused, LiveTable):
            return
        await pilot.press("escape")


async def reset(pilot: Pilot[None], board: Board) -> None:
    """Tables are as they were at first."""
    screen = board.screen
    assert isinstance(screen, ClubScreen)
    for table in screen.query(LiveTable):
        first = table.grid.columns[0].name
        table.grid.marked.clear()
        table.grid.sort_by = _SORTS.setdefault(table.id or first, table.grid.sort_by)
        table.grid.falling = False
        table.wide = False
        table.grid.set_filter("")
        table.action_edge(-1)
    screen.draw()
    await pilot.pause()


_SORTS: dict[str, str] = {}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("view", VIEWS)
async def test_screens(
    monkeypatch: pytest.MonkeyPatch,
    pictures: SnapshotAssertion,
    view: View,
    state: str,
) -> None:
    if state == "monochrome":
        monkeypatch.setenv("NO_COLOR", "1")
    sizes, among, others = STATES[state].sizes, STATES[state].among, []
    async with walked(view, state, sizes[0]) as (board, pilot):
        for shot in SHOTS:
            if shot.view != view or (among and shot.name not in among):
                continue
            await go(pilot, shot)
            if state == "ascii":
                assert text_of(board).isascii(), (shot.name, text_of(board))
            for width, height in sizes:
                if board.size != (width, height):
                    await pilot.resize_terminal(width, height)
                    await settled(pilot)
                name = f"{shot.name}-{width}x{height}"
                if picture_of(board) != pictures(name=name):
                    others.append(name)
    assert not others, "these look another way; --snapshot-update takes them anew"


@pytest.mark.parametrize("view", VIEWS)
async def test_tables_fit_and_a_word_stands_next_to_each_colour(view: View) -> None:
    async with walked(view, "busy", (60, 24)) as (board, pilot):
        for shot in SHOTS:
            if shot.view != view or "W" in shot.keys:
                continue
            await go(pilot, shot)
            tables = list(board.screen.query(LiveTable))
            for width in WIDTHS if tables else ():
                await pilot.resize_terminal(width, 24)
                await pilot.pause()
                for table in tables:
                    check_table(table)
                assert all(
                    cell_len(line) <= width for line in text_of(board).split("\n")
                )


def check_table(table: LiveTable[object]) -> None:
    grid, width = table.grid, table.size.width
    placed = grid.place(width)
    if width:
        assert sum(place.width + 1 for place in placed) - 1 <= width, (table, width)
    for row in grid.shown:
        for column in grid.columns:
            cell = column.cell(row, grid.look)
            said = any(letter.isalnum() or letter == "-" for letter in cell.text)
            assert not cell.tone or said, (table, column.name, cell)


def test_pictures_are_small() -> None:
    folder = Path(__file__).parent / "__snapshots__"
    sizes = {path.name: path.stat().st_size for path in folder.rglob("*.svg")}

    assert sizes
    assert {name for name, size in sizes.items() if size > 60_000} == set()
