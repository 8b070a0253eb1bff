"""Going to a screen with something chosen on it: a filter, a model."""

from __future__ import annotations

from textual.app import UnknownModeError

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


def ask_model(board: Board, model: str) -> None:
    """Go to the playground with a model."""
    board.wanted_model = model
    try:
        board.switch_mode("Playground")
    except UnknownModeError:
        board.notify("There is no playground here.", timeout=2)
