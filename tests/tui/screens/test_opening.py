"""A screen that is opened with a filter on it."""

from __future__ import annotations

from clubai.tui.screens.nodes import NodesScreen
from clubai.tui.screens.opening import open_filtered
from clubai.tui.screens.playground import PlaygroundScreen
from support.dashboard import settled, shown, text_of


async def test_the_filter_is_there_and_goes_by_escape() -> None:
    async with shown() as (board, pilot):
        await open_filtered(board, NodesScreen(), "attic")
        await settled(pilot)
        assert "Overview > Nodes  1 of 6  /attic" in text_of(board)
        assert "barn" not in text_of(board)

        await pilot.press("escape")
        await settled(pilot)
        assert "Overview > Nodes  6" in text_of(board)
        await pilot.press("escape")
        await settled(pilot)
        assert len(board.screen_stack) == 1


async def test_a_screen_without_a_table_is_opened_as_it_is() -> None:
    async with shown() as (board, pilot):
        await open_filtered(board, PlaygroundScreen(), "attic")
        await settled(pilot)
        assert isinstance(board.screen, PlaygroundScreen)
