"""The models: what is shown, opened, filtered and asked."""

from __future__ import annotations

from clubai.tui.screens.model import ModelScreen
from support.dashboard import Scripted, connected, settled, shown, snapshot, text_of


async def test_models_are_shown_sorted_and_filtered() -> None:
    async with shown(keys=["5"]) as (board, pilot):
        text = text_of(board)
        assert "qwen3-8b                 1+2     ████░░ 4/6" in text
        assert text.index("qwen3-8b") < text.index("smollm2-135m-instruct")

        await pilot.press("S")
        await settled(pilot)
        text = text_of(board)
        assert text.index("qwen3-8b") > text.index("smollm2-135m-instruct")

        await pilot.press("slash", *"qwen", "enter")
        await settled(pilot)
        assert "smollm2" not in text_of(board)
        assert "Models  1 of 2  /qwen" in text_of(board)


async def test_enter_opens_a_model_and_p_asks_it() -> None:
    async with shown(keys=["5", "down", "enter"]) as (board, pilot):
        assert isinstance(board.screen, ModelScreen)
        assert board.screen.model == "smollm2-135m-instruct"

        await pilot.press("escape", "p")
        await settled(pilot)
        assert board.wanted_model == "smollm2-135m-instruct"
        assert board.current_mode == "Playground"


async def test_a_board_without_a_playground_says_so() -> None:
    async with shown(keys=["5"]) as (board, pilot):
        board.remove_mode("Playground")

        await pilot.press("p")
        await settled(pilot)
        said = [notice.message for notice in board._notifications]
        assert said == ["There is no playground here."]


async def test_a_club_without_models_says_where_they_come_from() -> None:
    empty = snapshot(nodes=0, tasks=0)
    async with shown(Scripted([empty, connected()]), keys=["5"]) as (board, pilot):
        assert "No models yet" in text_of(board)

        await pilot.press("p", "enter")
        await settled(pilot)
        assert board.current_mode == "Models"
