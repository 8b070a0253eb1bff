from __future__ import annotations

from typing import Any

import anyio
import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Footer, Input

from clubai.client.rest import ApiError
from clubai.errors import AuthenticationError
from clubai.tui.acts.act import Act
from clubai.tui.app import Dashboard
from clubai.tui.board import Board
from clubai.tui.recording import Replay, recorded
from clubai.tui.widgets.confirm import Confirm
from clubai.tui.widgets.keys import KeysScreen
from support.dashboard import (
    NOW,
    Scripted,
    broken,
    connected,
    happened,
    node,
    script,
    settled,
    shown,
    snapshot,
    text_of,
)

DRAIN = Act("Drain attic", "It ends.", "PUT", "/api/nodes/attic/drain", {})
REFUSED = AuthenticationError("the key is not known")


def notes(board: Board) -> list[tuple[str, str]]:
    return [(note.title, str(note.message)) for note in board._notifications]


async def test_what_is_new_is_drawn_and_ages_go_on() -> None:
    source = Scripted(script())
    async with shown(source, keys=["2"]) as (board, pilot):
        assert "22 s" not in text_of(board)  # no room for it
        source.now += 7
        await settled(pilot)
        assert "14:13:27" in text_of(board)
        source.add(snapshot(nodes=2))
        await pilot.pause()
        await settled(pilot)
        assert "cellar" not in text_of(board)


async def test_a_pause_holds_what_is_seen() -> None:
    source = Scripted(script())
    async with shown(source, keys=["2", "P"]) as (board, pilot):
        source.add(snapshot(nodes=2))
        await pilot.pause()
        board.flush()
        await pilot.pause()
        assert "cellar" in text_of(board)
        assert "PAUSED" in text_of(board)
        await pilot.press("P")
        await settled(pilot)
        assert "cellar" not in text_of(board)
        assert "PAUSED" not in text_of(board)


async def test_rates_of_redraw() -> None:
    async with shown(keys=["plus", "plus"]) as (board, pilot):
        assert board.hz == 4.0
        await pilot.press("minus", "minus", "minus")
        assert board.hz == 1.0
        await pilot.press("right_square_bracket")
        await pilot.pause()
        assert "Only a replay has a speed." in [text for _, text in notes(board)]


async def test_a_refused_feed_can_be_tried_again() -> None:
    source = Scripted([REFUSED])
    async with shown(source) as (board, pilot):
        assert "refused" in text_of(board)
        assert "clubai login" in text_of(board)
        source._items[:] = script()
        await pilot.press("R")
        await settled(pilot)
        assert "connected" in text_of(board)


async def test_two_tries_at_once_leave_one_feed() -> None:
    source = Scripted([*script(), broken()])
    async with shown(source) as (board, pilot):
        before = len(board.picture.events)
        source._items[:] = script(events=3)
        board.follow()
        board.follow()
        await settled(pilot)
        source.add(happened(7))
        await settled(pilot)

        assert len(board.picture.events) == before + 4
        assert len([w for w in board.workers if w.group == "feed"]) == 1


async def test_a_feed_that_is_there_is_not_begun_anew() -> None:
    async with shown(keys=["R"]) as (board, pilot):
        await pilot.pause()
        assert [text for _, text in notes(board)] == ["It is connected."]
        assert not board.picture.gaps


async def test_another_club_begins_from_nothing() -> None:
    async with shown() as (board, pilot):
        board.follow(Scripted([snapshot(nodes=1), connected()]))
        await settled(pilot)

        assert len(board.picture.mirror.nodes) == 1
        assert not board.picture.events


async def answer(pilot: Pilot[None], key: str) -> None:
    await settled(pilot)
    await pilot.press(key)
    await settled(pilot)
    await pilot.pause()


@pytest.mark.parametrize(
    ("key", "called"), [("y", 2), ("n", 0), ("escape", 0), ("enter", 0)]
)
async def test_an_act_asks_first(key: str, called: int) -> None:
    source = Scripted(script())
    async with shown(source) as (board, pilot):
        board.act([DRAIN, DRAIN])
        board.act([DRAIN])  # asked once at a time
        await answer(pilot, key)

        assert not isinstance(board.screen, Confirm)
        assert source.calls == [(DRAIN.method, DRAIN.path, {})] * called
        assert notes(board) == [("Drain attic", "Done.")] * called
        board.act([DRAIN])
        await settled(pilot)
        assert isinstance(board.screen, Confirm)


class Held(Scripted):
    """What changes something is answered when `go` is set."""

    go: anyio.Event

    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        if method != "GET":
            await self.go.wait()
        return await super().call(method, path, body)


async def test_the_screen_that_wanted_it_hears_that_it_is_done() -> None:
    source = Held(script())
    async with shown(source, keys=["2", "enter", "d"]) as (board, pilot):
        source.go = anyio.Event()
        await pilot.press("y")
        await pilot.press("question_mark")
        assert isinstance(board.screen, KeysScreen)
        source.calls.clear()
        source.go.set()
        await settled(pilot)
        await settled(pilot)

        assert [method for method, _, _ in source.calls][:2] == ["PUT", "GET"]
        assert isinstance(board.screen, KeysScreen)


async def test_what_was_not_done_says_why() -> None:
    error = ApiError(409, "x\x1b[2Jlost")
    source = Scripted(script(), answers={f"PUT {DRAIN.path}": error})
    async with shown(source) as (board, pilot):
        board.act([DRAIN._replace(title="Drain \x1b]0;x")])
        await answer(pilot, "y")
        ((title, text),) = notes(board)

        assert title == "Not done: Drain ?]0;x"
        assert "lost" in text
        assert "\x1b" not in text
        assert isinstance(await board.ask_club("/api/x"), dict)
        source.answers["GET /api/x"] = error
        assert "\x1b" not in str(await board.ask_club("/api/x"))


async def test_the_club_goes_on_behind_a_question() -> None:
    source = Scripted(script())
    async with shown(source, keys=["2", "d"]) as (board, pilot):
        source.add(snapshot(nodes=2))
        await settled(pilot)

        assert "Drain attic" in text_of(board)
        assert "eaves" not in text_of(board)
        await pilot.press("q", "3")
        assert isinstance(board.screen, Confirm)


async def test_nothing_can_be_done_where_one_only_looks() -> None:
    async with shown(readonly=True, keys=["2", "d"]) as (board, pilot):
        board.act([DRAIN])
        await settled(pilot)

        assert not isinstance(board.screen, Confirm)
        assert "READ-ONLY" in text_of(board)
        assert "Drain" not in text_of(board)


async def test_the_keys_in_the_footer_follow_the_role() -> None:
    source = Scripted([connected()])
    async with shown(source, keys=["2"], size=(100, 24)) as (board, pilot):
        assert "Kick" not in text_of(board)
        source.add(snapshot())
        await settled(pilot)
        await settled(pilot)
        assert "Kick" in text_of(board)
        source.add(snapshot(role="member"))
        await settled(pilot)
        await settled(pilot)
        assert "Kick" not in text_of(board)
        assert board.screen.query(Footer)


async def test_a_replay_ends_and_begins_again() -> None:
    records = [recorded(NOW, item) for item in (*script(), connected())]
    replay = Replay(records, name="club.jsonl", speed=60.0)
    board = Dashboard(replay)
    async with board.run_test(size=(100, 24)) as pilot:
        await settled(pilot)
        assert "club.jsonl" in text_of(board)
        assert "x60 END" in text_of(board)
        assert not board.can_act
        before = len(board.picture.events)
        await pilot.press("P", "left_square_bracket", "R")
        await settled(pilot)
        assert "x10 PAUSED" in text_of(board)
        assert not board.picture.events
        await pilot.press("P")
        await settled(pilot)
        assert len(board.picture.events) == before
        board.copy("text", "a text")
        assert board.clipboard == "text"


async def test_names_of_others_are_not_obeyed() -> None:
    evil = node(0, name="a\x1b]0;x\x07[b]")
    source = Scripted([msgspec.structs.replace(snapshot(), nodes=(evil,)), connected()])
    async with shown(source, keys=["2", "d"]) as (board, pilot):
        assert "\x1b" not in text_of(board)
        assert "Drain a?]0;x?[b]" in text_of(board)
        await pilot.press("n", "enter")
        await settled(pilot)
        assert "\x1b" not in text_of(board)


async def test_what_is_said_of_names_of_others_is_not_markup() -> None:
    async with shown() as (board, pilot):
        board.copy("x", "Check [/x]")
        await settled(pilot)

        assert "Copied Check [/x]." in text_of(board)


async def test_typing_in_a_line_types() -> None:
    async with shown(keys=["2", "slash", *"12q:?P"]) as (board, _):
        assert board.current_mode == "Nodes"
        assert board.screen.query_one("#filter", Input).value == "12q:?P"
        assert not board.paused
