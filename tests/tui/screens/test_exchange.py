from __future__ import annotations

from clubai.tui.conversation import Conversation
from clubai.tui.screens.exchange import ExchangeScreen
from support.dashboard import LARGE, settled, shown, text_of
from support.talking import NODES, TASK, answer_of


async def test_all_that_is_known_is_shown_while_it_comes_and_afterwards() -> None:
    exchange = Conversation().begin("why?", now=0.0)
    async with shown(size=LARGE, view="member") as (board, pilot):
        await pilot.press("escape")
        await board.push_screen(ExchangeScreen(exchange))
        await settled(pilot)
        assert "State        asking" in text_of(board)
        assert "Question 1" in text_of(board)

        exchange.finish(answer_of("so", attempts=2), 3.0)
        await settled(pilot)

        seen = text_of(board)
        for said in (TASK, NODES[0].id, "Attempts     2", "50 tok/s", "Readable by"):
            assert said in seen
        await pilot.press("y")
        assert board.clipboard == "so"
        await pilot.press("c")
        assert "Task         " + TASK in board.clipboard
        await pilot.press("escape")
        assert not isinstance(board.screen, ExchangeScreen)
