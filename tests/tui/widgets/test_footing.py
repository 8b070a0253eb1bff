from __future__ import annotations

from textual.widgets import Input

from clubai.tui.widgets.footing import Footing
from support.dashboard import settled, shown, text_of


async def test_the_keys_of_a_screen_are_made_once() -> None:
    async with shown(keys=["2"]) as (board, pilot):
        before = list(board.screen.query_one(Footing).children)
        assert before

        await pilot.press("3")
        await settled(pilot)
        await pilot.press("2")
        await settled(pilot)

        assert list(board.screen.query_one(Footing).children) == before


async def test_other_keys_are_shown_when_there_are_others() -> None:
    async with shown(keys=["2"]) as (board, pilot):
        assert "Drain" in text_of(board).splitlines()[-1]
        before = list(board.screen.query_one(Footing).children)

        board.readonly = True
        await settled(pilot)
        await settled(pilot)

        assert "Drain" not in text_of(board).splitlines()[-1]
        assert list(board.screen.query_one(Footing).children) != before


async def test_the_keys_come_back_after_the_filter() -> None:
    async with shown(keys=["2"]) as (board, pilot):
        line = text_of(board).splitlines()[-1]

        await pilot.press("slash")
        assert isinstance(board.focused, Input)
        await pilot.press("escape")
        await settled(pilot)

        assert text_of(board).splitlines()[-1] == line
