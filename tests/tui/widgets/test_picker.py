from __future__ import annotations

import pytest
from textual.app import App

from clubai.tui.widgets.picker import Picker

CHOICES = [("", "any"), ("m1", "the \x1bfirst"), ("m2", "the second")]


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (["enter"], "m1"),
        (["down", "enter"], "m2"),
        (["up", "enter"], ""),
        (["escape"], None),
    ],
)
async def test_it_begins_on_what_is_chosen(keys: list[str], chosen: str | None) -> None:
    app: App[None] = App()
    got: list[str | None] = []
    async with app.run_test() as pilot:
        await app.push_screen(Picker("Which?", CHOICES, "m1"), got.append)
        await pilot.press(*keys)
        await pilot.pause()

    assert got == [chosen]
