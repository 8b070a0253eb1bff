"""One of a few words is chosen, or none."""

from __future__ import annotations

from clubai.tui.widgets.choose import Choose
from support.dashboard import shown, text_of


async def test_a_word_is_chosen_by_keys_or_none_is() -> None:
    async with shown(ascii=True) as (board, pilot):
        given: list[str | None] = []
        for keys in (["enter"], ["down", "enter"], ["escape"]):
            board.push_screen(Choose("Which?", ["[one]", "two"]), given.append)
            await pilot.pause()
            assert "Which?" in text_of(board)
            assert "[one]" in text_of(board)
            assert text_of(board).isascii()
            await pilot.press(*keys)
            await pilot.pause()

        assert given == ["[one]", "two", None]
