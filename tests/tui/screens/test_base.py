from __future__ import annotations

import json

import pytest
from textual.widgets import Input

from clubai.tui.board import Board
from clubai.tui.screens.base import ClubScreen, too_small
from clubai.tui.widgets.table import LiveTable
from support.dashboard import LARGE, Scripted, node_id, script, settled, shown, text_of


def table_of(board: Board) -> LiveTable[object]:
    return board.screen.query_one("#nodes", LiveTable)


async def test_a_filter_is_typed_kept_and_taken_away() -> None:
    async with shown(keys=["2", "slash", *"!lost"]) as (board, pilot):
        assert "Nodes  5 of 6  /!lost" in text_of(board)
        await pilot.press("enter")
        await settled(pilot)
        assert board.screen.focused is table_of(board)
        assert "5 of 6" in text_of(board)
        await pilot.press("escape")
        await settled(pilot)
        assert "Nodes  6\n" in text_of(board)
        assert not board.screen.query_one("#filter").display


async def test_escape_takes_the_filter_first_and_then_the_screen() -> None:
    async with shown(keys=["2", "enter"]) as (board, pilot):
        assert len(board.screen_stack) == 2
        await pilot.press("escape")
        await pilot.press("slash", "b", "escape")
        assert len(board.screen_stack) == 1
        assert table_of(board).grid.filter == ""
        assert table_of(board).has_focus
        await pilot.press("escape", "escape")
        assert board.current_mode == "Nodes"


async def test_a_new_look_at_a_filtered_table_keeps_its_filter() -> None:
    async with shown(keys=["2", "slash", "b", "enter", "down", "1", "2"]) as (board, _):
        assert table_of(board).grid.filter == "b"
        assert table_of(board).grid.index == 1


async def test_no_line_waits_for_keys_before_it_is_asked_for() -> None:
    async with shown() as (board, pilot):
        for key in "12345678":
            await pilot.press(key)
        assert board.current_mode == "Playground"
        await pilot.press("escape", "2")
        assert board.current_mode == "Nodes"
        assert not isinstance(board.screen.focused, Input)


async def test_resizing_across_too_small_keeps_everything() -> None:
    source = Scripted(script(nodes=40))
    keys = ["2", "slash", *"!lo", "enter"]
    async with shown(source, size=(80, 20), keys=keys) as (board, pilot):
        grid, table = table_of(board).grid, table_of(board)
        table.action_move(25)
        table.action_mark()
        await settled(pilot)
        before = (grid.cursor, grid.filter, set(grid.marked), table.scroll_offset)
        assert table.scroll_offset.y > 0
        for size in ((50, 12), (60, 15), (59, 15), (140, 40), (80, 20)):
            await pilot.resize_terminal(*size)
            await settled(pilot)
            small = "(60x15 shows more)" in text_of(board)
            assert small is (size[0] < 60)
        after = (grid.cursor, grid.filter, set(grid.marked))
        assert after == before[:3]
        assert table._sees(grid.index)


@pytest.mark.parametrize(("key", "start"), [("c", "{"), ("C", "| State |")])
async def test_what_is_chosen_is_copied(key: str, start: str) -> None:
    async with shown(keys=["2", "down", key]) as (board, _):
        assert board.clipboard.startswith(start)
        assert "barn" in board.clipboard
        if key == "c":
            assert json.loads(board.clipboard)["id"] == node_id(1)


async def test_where_there_is_nothing_nothing_is_copied() -> None:
    empty = Scripted(script(events=0, nodes=0, tasks=0))
    async with shown(empty, keys=["2", "c"]) as (board, _):
        assert board.clipboard == ""
        assert "No nodes yet" in text_of(board)


async def test_the_path_says_what_is_marked() -> None:
    async with shown(keys=["2", "space", "space"]) as (board, _):
        assert "2 marked" in text_of(board)
        assert isinstance(board.screen, ClubScreen)
        assert board.screen.crumbs() == ["Nodes"]


async def test_number_of_the_same_screen_leads_to_its_beginning() -> None:
    async with shown(keys=["2", "enter", "2"]) as (board, _):
        assert len(board.screen_stack) == 1


async def test_a_small_screen_says_the_most_important() -> None:
    async with shown(size=(40, 10)) as (board, _):
        text = text_of(board)
        assert "nodes 5/6" in text
        assert "queue 2, running 6" in text
        assert "failed 12" in too_small(board.picture).text


async def test_the_filters_key_is_there_only_where_there_is_a_table() -> None:
    async with shown(size=LARGE, keys=["3"]) as (board, pilot):
        assert "/ Filter" in text_of(board)
        await pilot.press("enter")
        await settled(pilot)
        assert "Timeline" in text_of(board)
        assert "/ Filter" not in text_of(board)
