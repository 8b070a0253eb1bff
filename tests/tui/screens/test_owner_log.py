from __future__ import annotations

from clubai.tui.logtail import LogTail
from support.dashboard import text_of
from support.owner import ScriptedOwner, log, owner_shown


async def test_the_log_is_there_while_the_agent_starts_newest_first() -> None:
    async with owner_shown(ScriptedOwner(), keys=["3"], log=log(3)) as (board, pilot):
        shown = text_of(board)
        assert shown.index("line 3:") < shown.index("line 1:")
        await pilot.press("slash", *"warning", "enter")
        await pilot.pause()
        assert "line 3:" not in text_of(board)


async def test_an_empty_log_says_so() -> None:
    async with owner_shown(ScriptedOwner(), keys=["3"], log=LogTail()) as (board, _):
        assert "Nothing was logged yet" in text_of(board)
