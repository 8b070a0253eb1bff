from __future__ import annotations

import pytest

from clubai.tui.acts.act import Act
from clubai.tui.widgets.confirm import Confirm
from support.dashboard import Scripted, script, settled, shown, text_of

EXPEL = Act("Expel attic", "It is out.", "POST", "/api/x", {}, reason="why")


async def test_a_reason_is_needed_and_written_down() -> None:
    source = Scripted(script())
    async with shown(source) as (board, pilot):
        board.act([EXPEL])
        await settled(pilot)
        await pilot.press("enter")
        assert isinstance(board.screen, Confirm)
        await pilot.press(*"no yes", "enter")
        await settled(pilot)

        assert source.calls == [("POST", "/api/x", {"why": "no yes"})]


async def test_many_are_counted() -> None:
    async with shown() as (board, pilot):
        board.act([EXPEL._replace(reason="", title=f"Drain {n}") for n in range(9)])
        await settled(pilot)

        assert "Drain 5" in text_of(board)
        assert "and 3 more" in text_of(board)
        assert board.focused is not None
        assert board.focused.id == "no"


@pytest.mark.parametrize(("button", "done"), [("#yes", 1), ("#no", 0)])
async def test_buttons(button: str, done: int) -> None:
    source = Scripted(script())
    async with shown(source) as (board, pilot):
        board.act([EXPEL._replace(reason="")])
        await settled(pilot)
        await pilot.click(button)
        await settled(pilot)

        assert len(source.calls) == done


async def test_it_fits_the_smallest_screen() -> None:
    async with shown(size=(60, 15)) as (board, pilot):
        board.act([EXPEL])
        await settled(pilot)

        assert all(word in text_of(board) for word in ("Expel", "Yes (y)", "No (n)"))


async def test_nothing_is_done_before_the_question_is_seen() -> None:
    source = Scripted(script())
    async with shown(source, keys=["5"]) as (board, pilot):
        board.push_screen(Confirm([EXPEL]))
        assert isinstance(board.screen, Confirm)
        board.screen.action_yes()
        await settled(pilot)

        assert isinstance(board.screen, Confirm)
        assert board.is_running
