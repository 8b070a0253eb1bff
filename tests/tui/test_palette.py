from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot

from clubai.tui.app import Dashboard, View
from clubai.tui.board import Board
from clubai.tui.palette import ClubCommands, export
from clubai.tui.recording import Replay, recorded
from clubai.tui.screens.base import ClubScreen
from clubai.tui.widgets.table import LiveTable
from support.dashboard import (
    NOW,
    Scripted,
    broken,
    connected,
    node,
    script,
    settled,
    shown,
    snapshot,
)


def offered(board: Board) -> dict[str, str]:
    commands = ClubCommands(board.screen).commands()
    return {command.name: command.does for command in commands}


async def run(board: Board, pilot: Pilot[None], name: str) -> None:
    commands = ClubCommands(board.screen).commands()
    ran = next(command for command in commands if command.name == name).run()
    if ran is not None:
        await ran
    for worker in board.workers:
        if worker.group == "go":
            await worker.wait()
    await settled(pilot)


def screen_of(board: Board) -> ClubScreen:
    assert isinstance(board.screen, ClubScreen)
    return board.screen


async def test_what_is_typed_after_a_colon_is_done() -> None:
    async with shown(keys=["colon", *"nodes"]) as (board, pilot):
        await pilot.pause(0.05)
        await pilot.press("enter")
        await pilot.press("enter")
        await settled(pilot)
        await settled(pilot)

        assert board.current_mode == "Nodes"


async def test_commands_go_to_screens_nodes_and_models() -> None:
    async with shown() as (board, pilot):
        await run(board, pilot, "node cellar")
        assert board.current_mode == "Nodes"
        assert screen_of(board).crumbs() == ["Nodes", "cellar"]

        await run(board, pilot, "nodes")
        assert screen_of(board).crumbs() == ["Nodes"]
        screen_of(board).filter_by("attic")
        await run(board, pilot, "node den")
        assert screen_of(board).crumbs() == ["Nodes", "den"]

        await run(board, pilot, "model qwen3-8b")
        assert board.current_mode == "Models"
        await run(board, pilot, "tasks failed")
        assert board.current_mode == "Tasks"
        table = screen_of(board).table()
        assert table is None or table.grid.filter == "-l state=failed"


async def test_names_of_others_are_no_markup() -> None:
    named = msgspec.structs.replace(snapshot(), nodes=(node(0, name="[/x]"),))
    async with shown(Scripted([named, connected()])) as (board, _):
        hits = [hit async for hit in ClubCommands(board.screen).search("node [/x]")]

        assert "node [/x]" in [str(hit.prompt) for hit in hits]


async def test_commands_of_the_board() -> None:
    async with shown() as (board, pilot):
        assert "reconnect" not in offered(board)
        await run(board, pilot, "theme club-light")
        assert board.theme == "club-light"
        await run(board, pilot, "pause")
        assert board.paused
        assert offered(board)["pause"] == "Go on (P)"
        assert "quit" in offered(board)

    async with shown(Scripted([*script(), broken()])) as (board, _):
        assert "reconnect" in offered(board)


@pytest.mark.parametrize(
    ("view", "role", "readonly", "acts"),
    [
        ("operator", "operator", False, True),
        ("operator", "operator", True, False),
        ("member", "member", False, False),
    ],
)
async def test_only_what_one_may_is_offered(
    view: View, role: str, readonly: bool, acts: bool
) -> None:
    source = Scripted(script(role=role))
    key = "2" if view == "operator" else "3"
    async with shown(source, view=view, readonly=readonly, keys=[key]) as (board, _):
        names = offered(board)

        assert ("kick" in names) is acts
        assert ("members" in names) is (view == "operator")
        assert "node attic" in names
        assert "export json" in names


async def test_a_replay_can_begin_again() -> None:
    records = [recorded(NOW, item) for item in script()]
    board = Dashboard(Replay(records, speed=float("inf")))
    async with board.run_test() as pilot:
        await settled(pilot)
        assert "reconnect" not in offered(board)
        before = len(board.picture.events)
        await run(board, pilot, "again")
        assert len(board.picture.events) == before


async def test_rows_are_written_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with shown(keys=["2"]) as (board, pilot):
        screen_of(board).filter_by("barn")
        await run(board, pilot, "export json")
        await run(board, pilot, "export md")
        (table_md,) = tmp_path.glob("clubai-nodes-2026-09-21-*.md")
        (table_json,) = tmp_path.glob("*.json")
        assert "| barn |" in table_md.read_text()
        assert json.loads(table_json.read_text())["name"] == "barn"

        assert table_json.stat().st_mode & 0o777 == 0o600

        before = table_json.read_text()
        screen_of(board).filter_by("")
        assert isinstance(board, Dashboard)
        table = board.screen.query_one(LiveTable)
        await export(board, table, "Nodes", "json")
        assert table_json.read_text() == before
        (second,) = tmp_path.glob("*-2.json")
        assert "attic" in second.read_text()

        monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "gone")
        await export(board, table, "Nodes", "json")
        await pilot.pause()
        assert "Not written" in [note.title for note in board._notifications]
