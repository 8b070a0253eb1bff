from __future__ import annotations

from support.dashboard import LARGE, settled, text_of
from support.owner import ScriptedOwner, agent, club, line, owner_shown


async def test_every_change_is_shown_with_its_reason_and_read_again() -> None:
    source = club()
    async with owner_shown(ScriptedOwner(agent()), source, size=LARGE, keys=["2"]) as (
        board,
        pilot,
    ):
        shown = text_of(board)
        assert "no answer within 30 s" in shown
        assert "-20" in shown

        path = f"/api/reputation/{agent().nickname}?limit=500"
        page = {"changes": [line(7, why="by hand")], "next": None}
        source.answers[f"GET {path}"] = page
        await pilot.press("r")
        await settled(pilot)
        assert "by hand" in text_of(board)
        assert [call[1] for call in source.calls].count(path) == 2


async def test_without_a_key_it_is_said_how_to_see_them() -> None:
    async with owner_shown(ScriptedOwner(agent()), keys=["2", "r"]) as (board, _):
        assert "`clubai login`" in text_of(board)
