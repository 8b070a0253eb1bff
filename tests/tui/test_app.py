from __future__ import annotations

import pytest

from clubai.tui.app import VIEWS, View
from support.dashboard import shown, text_of


@pytest.mark.parametrize("view", VIEWS)
async def test_each_number_leads_to_its_screen(view: View) -> None:
    async with shown(view=view) as (board, pilot):
        for number, tab in enumerate(VIEWS[view], 1):
            if number > 1:
                await pilot.press("escape", str(number))
                await pilot.pause()
            assert board.current_mode == tab.name
            assert board.screen.query("#body")


async def test_q_leaves() -> None:
    async with shown(keys=["2"]) as (board, pilot):
        assert "q Quit" in text_of(board)
        await pilot.press("q")
        await pilot.pause()
        assert board._exit
