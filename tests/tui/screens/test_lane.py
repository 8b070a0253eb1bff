from __future__ import annotations

from support.dashboard import settled, text_of
from support.owner import ScriptedOwner, agent, ended, lane, owner_shown


async def test_one_task_is_followed_from_its_slot_to_its_end_and_beyond() -> None:
    owner = ScriptedOwner(agent())
    async with owner_shown(owner, keys=["enter"]) as (board, pilot):
        shown = text_of(board)
        assert lane(0).task in shown
        assert "working" in shown
        assert "37, 12 a second" in shown

        owner.change(lanes=(), recent=(ended(2, task=lane(0).task),))
        await settled(pilot)
        shown = text_of(board)
        assert "failed" in shown
        assert "backend" in shown
        assert "120 in, 0 out" in shown

        owner.change(recent=())
        await settled(pilot)
        assert "It is gone" in text_of(board)
        await pilot.press("escape")
        await settled(pilot)
        assert "Served" in text_of(board)
