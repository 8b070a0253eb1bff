"""One node's changes: stored and live ones, each once, and what they rest on."""

from __future__ import annotations

from clubai.errors import ConfigError
from clubai.tui.screens.ledger import LedgerScreen
from clubai.tui.screens.reading import ReadingScreen
from clubai.tui.widgets.table import LiveTable
from support.club_answers import club_answers, ledger, line, told
from support.dashboard import Scripted, node_id, script, settled, shown, text_of

PATH = f"/api/reputation/{node_id(0)}"
OPEN = ["4", "end", "k", "enter"]
"""To the ledger of `attic`, the last but one."""


def _source(**answers: object) -> Scripted:
    return Scripted(script(), answers={**club_answers(), **answers})


async def test_stored_and_live_changes_are_there_once() -> None:
    async with shown(_source(), keys=OPEN, size=(140, 40)) as (board, _pilot):
        assert isinstance(board.screen, LedgerScreen)
        table = board.screen.query_one("#ledger", LiveTable)
        numbers = [each.number for each in table.grid.shown]
        text = text_of(board)

    assert numbers == [96, 95, 94, 93, 92, 21, 9]
    assert "told by the club" in text
    assert "Reputation > attic" in text
    assert "110 points, 0 in escrow" in text
    assert "in the last 24 h" in text
    assert "10 checks passed, 3 in a row, 20 % of its tasks checked" in text


async def test_enter_opens_what_a_change_rests_on() -> None:
    async with shown(_source(), keys=OPEN, size=(100, 30)) as (board, pilot):
        for moves, crumb in ((0, "Review 96"), (1, "Check c_1"), (2, "Review 70")):
            await pilot.press(*["down"] * moves, "enter")
            await settled(pilot)
            assert isinstance(board.screen, ReadingScreen)
            assert crumb in text_of(board)
            assert "Loading" not in text_of(board)
            await pilot.press("escape")


async def test_enter_goes_to_another_change_or_says_that_there_is_nothing() -> None:
    keys = [*OPEN, "down", "down", "enter"]
    async with shown(_source(), keys=keys) as (board, pilot):
        table = board.screen.query_one("#ledger", LiveTable)
        assert table.grid.cursor == "9"

        await pilot.press("m")
        assert "These are all." in [*board._notifications][-1].message

        await pilot.press("home", *["down"] * 4, "enter")
        await pilot.pause()
        assert isinstance(board.screen, LedgerScreen)
        assert "rests on nothing more" in [*board._notifications][-1].message


async def test_older_changes_are_asked_for_once() -> None:
    first = f"GET {PATH}?limit=200"
    second = f"GET {PATH}?limit=1000"
    more = {"node": told(0), "changes": [line(96), line(3)], "next": 3}
    source = _source(**{first: ledger(next=9), second: more})
    async with shown(source, keys=[*OPEN, "m"]) as (board, pilot):
        await settled(pilot)
        assert ("GET", f"{PATH}?limit=1000", None) in source.calls

        await pilot.press("m")
        await pilot.pause()
        assert "--before 3" in [*board._notifications][-1].message


async def test_points_are_adjusted_here_too() -> None:
    source = _source()
    keys = [*OPEN, "i", "a", "5", "enter", "o", "k", "enter"]
    async with shown(source, keys=keys) as (_board, pilot):
        await settled(pilot)

    acts = [call for call in source.calls if call[0] != "GET"]
    assert acts == [("POST", f"{PATH}/points", {"points": 5, "why": "ok"})]


async def test_what_cannot_be_read_is_said() -> None:
    refusal = ConfigError("node", "forge", "`clubai reputation` lists the nodes")
    source = _source(**{f"GET /api/reputation/{node_id(5)}?limit=200": refusal})
    async with shown(source, keys=["4", "enter"]) as (board, pilot):
        await settled(pilot)
        text = text_of(board)

    assert "The changes cannot be read" in text
    assert "lists the nodes" in " ".join(text.split())
