"""One event: its words, its JSON, and what is behind it."""

from __future__ import annotations

import msgspec

from clubai.protocol.feed import ClubEvent
from clubai.tui.screens.event import EventScreen
from clubai.tui.screens.node import NodeScreen
from clubai.tui.screens.task import TaskScreen
from support.dashboard import (
    change,
    happened,
    node_id,
    settled,
    shown,
    text_of,
)


async def test_it_is_shown_and_copied_as_json() -> None:
    async with shown(keys=["6", "enter"]) as (board, pilot):
        text = text_of(board)
        assert "Events > member joined" in text
        assert " m_new23 joined" in text
        assert "2026-09-21 14:12:53 UTC, event 124" in text
        assert '   "subject": "m_new23"' in text

        for key in ("y", "c"):
            await pilot.press(key)
            assert msgspec.json.decode(board.clipboard, type=ClubEvent) == happened(23)
        await pilot.press("C")
        assert board.clipboard.startswith("```json\n{")

        await pilot.press("enter")
        said = [notice.message for notice in board._notifications]
        assert said[-1] == "There is nothing behind this event."
        await pilot.press("escape")
        await settled(pilot)
        assert "Events  24" in text_of(board)


async def test_enter_opens_the_task_or_the_node() -> None:
    async with shown() as (board, pilot):
        await board.push_screen(EventScreen(happened(5)))
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(board.screen, NodeScreen)
        assert board.screen.node == node_id(5 % 3)

        await board.push_screen(EventScreen(happened(4)))
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(board.screen, TaskScreen)
        assert board.screen.task_id == f"{4:032x}"


async def test_text_from_elsewhere_is_not_obeyed() -> None:
    moved = msgspec.structs.replace(
        change(1), name="\x1b[31mred\u202e", why="\x1b]0;x\x07 [bold]b[/]"
    )
    event = ClubEvent(seq=1, at=1.0, kind="standing", what="completed", standing=moved)
    async with shown() as (board, pilot):
        await board.push_screen(EventScreen(event))
        await settled(pilot)
        text = text_of(board)

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]b[/]" in text
