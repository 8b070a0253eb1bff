"""What something rests on is opened, or it is said why not."""

from __future__ import annotations

from clubai.tui.screens.causes import open_check, open_review, open_task
from clubai.tui.screens.reading import ReadingScreen
from clubai.tui.screens.task import TaskScreen
from support.club_answers import club_answers
from support.dashboard import Scripted, script, settled, shown, text_of


async def test_a_task_is_opened_while_it_is_remembered() -> None:
    async with shown() as (board, pilot):
        open_task(board, "ff" * 16)
        await pilot.pause()
        assert not isinstance(board.screen, TaskScreen)
        assert "no longer remembered" in [*board._notifications][-1].message

        open_task(board, f"{4:032x}")
        await pilot.pause()
        assert isinstance(board.screen, TaskScreen)
        assert f"{4:032x}" in text_of(board)


async def test_checks_and_reviews_are_opened_as_text() -> None:
    source = Scripted(script(), answers=club_answers())
    async with shown(source, size=(80, 40)) as (board, pilot):
        open_check(board, "c_1")
        await settled(pilot)
        assert isinstance(board.screen, ReadingScreen)
        assert "What is 2 and 2?" in text_of(board)

        await pilot.press("escape")
        open_review(board, "47")
        await settled(pilot)
        assert "a client doubts it" in text_of(board)
        assert "What is 2 and 2?" in text_of(board)
