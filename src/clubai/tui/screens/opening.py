"""Opening a screen with a filter on it."""

from __future__ import annotations

from clubai.tui.board import Board
from clubai.tui.screens.base import ClubScreen
from clubai.tui.widgets.table import LiveTable


async def open_filtered(board: Board, screen: ClubScreen, typed: str) -> None:
    """Put a screen on top whose table shows what passes; Esc takes the filter away."""
    await board.push_screen(screen)
    table = next(iter(screen.query(LiveTable)), None)
    if typed and table is not None:
        table.set_filter(typed)
    board.flush(force=True)
