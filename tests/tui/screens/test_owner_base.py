from __future__ import annotations

from support.dashboard import text_of
from support.owner import ScriptedOwner, agent, owner_shown


async def test_the_frame_says_where_one_is_and_the_keys_are_the_same_everywhere() -> (
    None
):
    owner = ScriptedOwner(agent())
    async with owner_shown(owner, keys=["3"]) as (board, pilot):
        lines = text_of(board).splitlines()
        assert "attic attic0aaaaaa" in lines[0]
        assert lines[1].strip() == "1 Node  2 Points  3 Log"
        for key in ("p Pause", "d Drain", "b Probe", "s Slots"):
            assert key in lines[-1]
        await pilot.press("p", "y")
        await pilot.pause()
        assert owner.done == [("pause", True)]
