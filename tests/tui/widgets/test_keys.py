from __future__ import annotations

from clubai.tui.widgets.keys import KeysScreen, bindings_of
from support.dashboard import shown, text_of


async def test_keys_are_told_and_closed_again() -> None:
    async with shown(size=(80, 110), keys=["2", "f1"]) as (board, pilot):
        text = text_of(board)
        parts = ("club's nodes", "This screen", "Drain", "Table", "Mark")
        assert all(part in text for part in (*parts, "Everywhere", "Reputation"))
        assert text.index(parts[0]) < text.index(parts[1]) < text.index("Everywhere")
        assert "Focus" not in text
        for closes in ("question_mark", "f1", "escape", "q"):
            await pilot.press(closes)
            assert not isinstance(board.screen, KeysScreen)
            await pilot.press("question_mark")
            assert isinstance(board.screen, KeysScreen)
        assert board.is_running


async def test_keys_that_do_nothing_here_are_not_told() -> None:
    async with shown(readonly=True, keys=["2"]) as (board, _):
        assert "Drain" not in [what for _, what in bindings_of(board.screen)]


async def test_keys_scroll_on_a_small_screen() -> None:
    async with shown(size=(60, 15), keys=["2", "question_mark"]) as (board, pilot):
        before = text_of(board)
        await pilot.press(*"jjjj")
        await pilot.pause()
        assert text_of(board) != before
        await pilot.press(*"kkkk")
        await pilot.pause()
        assert text_of(board) == before
