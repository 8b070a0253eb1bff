"""One model: its nodes, its tasks, and asking it."""

from __future__ import annotations

from clubai.tui.screens.model import ModelScreen
from clubai.tui.screens.node import NodeScreen
from clubai.tui.screens.task import TaskScreen
from support.dashboard import (
    Scripted,
    connected,
    node_id,
    settled,
    shown,
    snapshot,
    task,
    text_of,
)


async def test_it_shows_who_has_it_and_what_was_asked() -> None:
    async with shown(keys=["5", "enter"]) as (board, _):
        text = text_of(board)

    assert "Models > qwen3-8b" in text
    assert "3 up, 1 warm · 4 of 6 slots free · 32768 tokens of context" in text
    assert "6 tasks in 10 min, 0 waiting" in text
    assert "alive    barn" in text
    assert "failed   00000000 cellar" in text


async def test_its_nodes_say_by_when_their_answers_began() -> None:
    async with shown(size=(140, 40), keys=["5", "down", "enter"]) as (board, _):
        (barn,) = [line for line in text_of(board).splitlines() if " barn  " in line][
            :1
        ]

    assert " 730 ms " in barn


async def test_enter_opens_its_nodes_and_its_tasks() -> None:
    async with shown(keys=["5", "enter", "enter"]) as (board, pilot):
        assert isinstance(board.screen, NodeScreen)
        assert board.screen.node == node_id(1)

        await pilot.press("escape", "tab", "enter")
        await settled(pilot)
        assert isinstance(board.screen, TaskScreen)
        assert board.screen.task_id == f"{11:032x}"
        await pilot.press("escape")
        await settled(pilot)
        assert board.screen.crumb == "qwen3-8b"


async def test_p_asks_it() -> None:
    async with shown(keys=["5", "enter", "p"]) as (board, _):
        # Once the playground took it over, it is there.
        assert "qwen3-8b" in (board.wanted_model or text_of(board))
        assert board.current_mode == "Playground"


async def test_a_model_without_nodes_and_one_that_is_gone_say_so() -> None:
    wanted = snapshot(nodes=0, tasks=0, role="operator")
    source = Scripted([wanted, connected()])
    async with shown(source) as (board, pilot):
        await board.push_screen(ModelScreen("nothing"))
        await settled(pilot)
        assert "The model is gone" in text_of(board)

        board.picture.mirror.live["a"] = task(0, id="a" * 32, model="nothing")
        await settled(pilot)
        text = text_of(board)
        assert "no node that is up has it" in text
        assert "queued   aaaaaaaa -" in text
        board.picture.mirror.live.clear()
        board.picture.mirror.ended["a"] = task(
            4, id="a" * 32, model="nothing", ended_at=1.0
        )
        await settled(pilot)
        assert "1 tasks remembered" in text_of(board)
