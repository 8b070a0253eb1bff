"""A secret is shown once, can be copied, and is forgotten."""

from __future__ import annotations

from clubai.tui.widgets.once import Once
from support.club_answers import SECRET
from support.dashboard import shown, text_of


async def test_it_is_shown_copied_and_forgotten() -> None:
    async with shown() as (board, pilot):
        box = Once("Invite somebody", SECRET)
        await board.push_screen(box)
        await pilot.pause()
        assert SECRET in text_of(board)
        assert SECRET not in repr(box)

        await pilot.press("c")
        assert board.clipboard == SECRET
        assert all(SECRET not in said.message for said in board._notifications)

        await pilot.press("escape")
        await pilot.pause()
        assert SECRET not in text_of(board)
        assert SECRET not in str(vars(box).values())

        await board.push_screen(Once("Invite", "[b]x\x1b[2J"))
        await pilot.pause()
        assert "[b]x?[2J" in text_of(board)
