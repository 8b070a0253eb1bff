"""Keys that come in one read leave a screen only once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.screen import ModalScreen

from clubai.tui.acts.act import Act
from clubai.tui.widgets.choose import Choose
from clubai.tui.widgets.confirm import Confirm
from clubai.tui.widgets.number import NumberScreen
from clubai.tui.widgets.once import Once
from clubai.tui.widgets.picker import Picker
from support.dashboard import settled, shown

MODALS: dict[str, Callable[[], ModalScreen[Any]]] = {
    "picker": lambda: Picker("Which?", [("a", "a"), ("b", "b")], "a"),
    "choose": lambda: Choose("Which?", ["a", "b"]),
    "confirm": lambda: Confirm([Act("Drain", "It ends.", "PUT", "/x", {})]),
    "number": lambda: NumberScreen("Slots", "How?", value=3, least=0, most=8),
    "once": lambda: Once("A key", "secret"),
}


@pytest.mark.parametrize("key", ["enter", "escape"])
async def test_two_keys_in_one_read_give_one_answer(key: str) -> None:
    async with shown(keys=["5"]) as (board, pilot):
        for name, make in MODALS.items():
            given: list[object] = []
            await board.push_screen(make(), given.append)
            await pilot.pause()
            for _ in range(2):
                board.simulate_key(key)
            await settled(pilot)

            assert len(given) == 1, name
            assert not isinstance(board.screen, ModalScreen)


async def test_the_palette_runs_its_command_once() -> None:
    async with shown(keys=["colon", *"pause"]) as (board, pilot):
        await pilot.pause(0.05)
        await pilot.press("down")
        for _ in range(3):
            board.simulate_key("enter")
        for _ in range(4):
            await settled(pilot)

        assert board.paused
        assert len(board.screen_stack) == 1


async def test_it_may_be_left_before_it_is_drawn() -> None:
    async with shown(keys=["5"]) as (board, pilot):
        for make in MODALS.values():
            board.push_screen(make())
            await board.screen.dismiss()
            await settled(pilot)

            assert board.is_running
            assert not isinstance(board.screen, ModalScreen)
