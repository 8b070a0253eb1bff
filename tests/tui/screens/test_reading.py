"""A text of the club's is loaded, read, copied; or why it is not."""

from __future__ import annotations

from clubai.errors import PermissionDenied
from clubai.tui.screens.reading import ReadingScreen
from support.dashboard import Scripted, script, settled, shown, text_of


async def test_a_text_is_read_and_copied() -> None:
    answer = {"text": "[b]line one\nline two"}
    source = Scripted(script(), answers={"GET /api/x": answer})
    async with shown(source) as (board, pilot):
        await board.push_screen(ReadingScreen("X", "/api/x", lambda got: got["text"]))
        await settled(pilot)
        text = text_of(board)
        await pilot.press("c")

        assert "[b]line one" in text
        assert "asked 0 s ago" in text
        assert board.clipboard == answer["text"]


async def test_a_refusal_is_shown_as_text() -> None:
    refusal = PermissionDenied("reading it", "it is not yours")
    source = Scripted(script(), answers={"GET /api/x": refusal})
    async with shown(source) as (board, pilot):
        await board.push_screen(ReadingScreen("X", "/api/x", str))
        await settled(pilot)
        await pilot.press("c")

        assert "Not to be read" in text_of(board)
        assert "it is not yours" in text_of(board)
        assert board.clipboard == ""
