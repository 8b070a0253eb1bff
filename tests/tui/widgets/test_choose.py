"""One of a few words is chosen, or none."""

from __future__ import annotations

import pytest

from clubai.tui.widgets.choose import Choose
from support.dashboard import shown, text_of


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [(["enter"], "[one]"), (["down", "enter"], "two"), (["escape"], None)],
)
async def test_a_word_is_chosen_by_keys(keys: list[str], chosen: str | None) -> None:
    async with shown(ascii=True) as (board, pilot):
        given: list[str | None] = []
        board.push_screen(Choose("Which?", ["[one]", "two"]), given.append)
        await pilot.pause()
        text = text_of(board)
        await pilot.press(*keys)
        await pilot.pause()

        assert "Which?" in text
        assert "[one]" in text
        assert given == [chosen]
