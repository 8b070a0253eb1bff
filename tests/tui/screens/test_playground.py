from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.containers import VerticalScroll
from textual.pilot import Pilot

from clubai.agent.backends.base import Piece
from clubai.client.modes.progress import Progress
from clubai.errors import (
    AuthenticationError,
    ConnectionLost,
    TaskFailed,
    TaskRejected,
    TrustError,
)
from clubai.model import FailCode, TrustCode
from clubai.tui.asking import Asking
from clubai.tui.board import Board
from clubai.tui.conversation import MOST_AT_ONCE, Exchange
from clubai.tui.recording import Replay
from clubai.tui.samples import DEMO
from clubai.tui.screens.exchange import ExchangeScreen
from clubai.tui.screens.playground import MOST_SHOWN, PlaygroundScreen
from clubai.tui.widgets.exchange import ExchangeView
from clubai.tui.widgets.question import QuestionLine
from support.dashboard import LARGE, SMALL, Scripted, script, settled, shown, text_of
from support.memory_club import MemoryClub, memory_club
from support.scripted_backend import USAGE, ScriptedBackend, stop, word
from support.talking import Asked, Talker, answer_of, voted


@asynccontextmanager
async def playing(
    *, size: tuple[int, int] = LARGE, **options: Any
) -> AsyncIterator[tuple[Board, Pilot[None], Talker]]:
    talker = Talker()
    source = Scripted(script(), asked=talker.connect)
    async with shown(source, size=size, view="member", **options) as (board, pilot):
        board.animation_level = "none"
        yield board, pilot, talker


async def ask(pilot: Pilot[None], talker: Talker, question: str) -> Asked:
    """Ask, and give what came of it at the client."""
    count = len(talker.asked)
    line = pilot.app.screen.query_one(QuestionLine)
    line.focus()
    line.insert(question)
    await pilot.press("enter")
    await settled(pilot)
    assert len(talker.asked) == count + 1
    return talker.asked[-1]


def told(board: Board) -> str:
    """What was told beside the screen, which no terminal shows in a test."""
    return "\n".join(each.message for each in board._notifications)


async def end(pilot: Pilot[None], asked: Asked, text: str, **fields: Any) -> None:
    asked.end(answer_of(text, **fields))
    await settled(pilot)
    await settled(pilot)


async def test_a_question_streams_to_its_answer() -> None:
    async with playing() as (board, pilot, talker):
        assert "Who can read it: you, and the node" in text_of(board)
        asked = await ask(pilot, talker, "why")
        assert "asking the club" in text_of(board)
        asked.wait("queued: all slots are in use", 2)
        await settled(pilot)
        assert "waiting: queued: all slots are in use (place 2)" in text_of(board)
        asked.assign()
        asked.say("It ", "is ")
        await settled(pilot)
        seen = text_of(board)
        assert "It is" in seen
        assert "attic · answering" in seen
        assert "1 of 4 under way" in seen

        await end(pilot, asked, "It is so.")

        seen = text_of(board)
        assert "1> why" in seen
        assert "It is so." in seen
        assert (
            "attic · 50 tokens · 50 tok/s · first token 200 ms · total 1.2 s · "
            "readable by node" in seen
        )
        assert "under way" not in seen
        assert board.screen.query_one(QuestionLine).text == ""


async def test_what_was_said_goes_along_and_a_new_conversation_forgets() -> None:
    async with playing(asking=Asking(system="Be short.")) as (board, pilot, talker):
        await end(pilot, await ask(pilot, talker, "one"), "1")
        second = await ask(pilot, talker, "two")
        assert [m["content"] for m in second.prompt] == ["one", "1", "two"]
        assert second.options["system"] == "Be short."

        await pilot.press("ctrl+n")
        await settled(pilot)

        assert second.left
        assert not board.screen.query(ExchangeView)
        third = await ask(pilot, talker, "three")
        assert [m["content"] for m in third.prompt] == ["three"]
        assert talker.opened == 1


async def test_the_mode_is_chosen_and_documents_go_alone() -> None:
    async with playing() as (board, pilot, talker):
        await end(pilot, await ask(pilot, talker, "one"), "1")
        modes = []
        for _ in range(4):
            await pilot.press("ctrl+t")
            asked = await ask(pilot, talker, "x")
            modes.append((asked.options["mode"], len(asked.prompt)))
            await end(pilot, asked, "y", mode=asked.options["mode"])

        assert [mode for mode, _ in modes] == [
            "consensus",
            "subtasks",
            "context",
            "single",
        ]
        assert [messages for _, messages in modes[:3]] == [3, 1, 1]
        assert "mode single" in text_of(board)


async def test_the_model_is_chosen_and_kept_when_the_list_changes() -> None:
    async with playing() as (board, pilot, talker):
        await pilot.press("escape", "m", "down", "enter")
        await settled(pilot)
        assert "model qwen3-8b (4 of 6 slots free)" in text_of(board)
        assert (await ask(pilot, talker, "x")).options["model"] == "qwen3-8b"

        board.picture.mirror.models = ()
        await settled(pilot)

        assert "model qwen3-8b (no node offers it now)" in text_of(board)


async def test_the_model_that_another_screen_wants_is_taken() -> None:
    async with playing() as (board, pilot, talker):
        board.wanted_model, board.wanted_mode = "smollm2-135m-instruct", "consensus"
        await settled(pilot)

        asked = await ask(pilot, talker, "x")

        assert asked.options["model"] == "smollm2-135m-instruct"
        assert asked.options["mode"] == "consensus"
        assert board.wanted_model == ""


async def test_the_mouse_chooses_mode_and_model() -> None:
    async with playing() as (board, pilot, _):
        await pilot.click("#asking-mode")
        assert "mode consensus" in text_of(board)
        await pilot.click("#asking-model")
        await pilot.pause()
        assert "Ask which model?" in text_of(board)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TaskRejected(FailCode.NO_CAPACITY, "no node is there"), "no node is there"),
        (TaskFailed(FailCode.BACKEND, "the model broke"), "the model broke"),
        (ConnectionLost("the coordinator is gone"), "connection lost"),
        (TrustError(TrustCode.COORDINATOR_CHANGED, "not the node"), "not the node"),
    ],
)
async def test_a_failure_is_told_and_can_be_asked_again(error: Any, said: str) -> None:
    async with playing() as (board, pilot, talker):
        asked = await ask(pilot, talker, "why")
        asked.say("so far")
        asked.end(error)
        await settled(pilot)
        await settled(pilot)
        assert f"failed: {said}" in text_of(board)
        assert "so far" in text_of(board)

        await pilot.press("escape", "r")
        await settled(pilot)
        await end(pilot, talker.asked[-1], "well")

        assert talker.asked[-1].question == "why"
        assert "2> why" in text_of(board)
        assert "well" in text_of(board)


async def test_a_connection_that_is_refused_or_lost_is_opened_again() -> None:
    async with playing() as (board, pilot, talker):
        talker.refusals.append(AuthenticationError("the key is not known"))
        await pilot.press("a", "enter")
        await settled(pilot)
        await settled(pilot)
        assert "the key is not known: log in with `clubai login`" in text_of(board)

        await end(pilot, await ask(pilot, talker, "b"), "B")
        talker.lost = True
        await end(pilot, await ask(pilot, talker, "c"), "C")

        assert talker.opened == 3
        assert talker.closed == 1


async def test_asking_again_takes_the_place_of_the_old_answer() -> None:
    async with playing() as (board, pilot, talker):
        await end(pilot, await ask(pilot, talker, "why"), "bad")
        await pilot.press("escape", "r")
        await settled(pilot)
        await pilot.press("r")  # the new one is under way: nothing is asked
        await settled(pilot)
        assert len(talker.asked) == 2
        await end(pilot, talker.asked[-1], "good")
        assert "asked again below" in text_of(board)

        asked = await ask(pilot, talker, "and")

        assert [m["content"] for m in asked.prompt] == ["why", "good", "and"]


async def test_stopping_leaves_the_node() -> None:
    async with playing() as (board, pilot, talker):
        asked = await ask(pilot, talker, "why")
        asked.say("on and on")
        await settled(pilot)

        await pilot.press("ctrl+x")
        await settled(pilot)

        assert asked.left
        assert "stopped: its node is free again" in text_of(board)
        assert "on and on" in text_of(board)


async def test_so_many_run_at_once_and_the_next_one_stays_in_the_line() -> None:
    async with playing() as (board, pilot, talker):
        for number in range(MOST_AT_ONCE):
            await ask(pilot, talker, f"q{number}")
        await pilot.press("m", "o", "enter")
        await settled(pilot)

        assert len(talker.asked) == MOST_AT_ONCE
        assert board.screen.query_one(QuestionLine).text == "mo"
        assert "questions are under way" in told(board)
        for asked in reversed(talker.asked):
            await end(pilot, asked, f"to {asked.question}")
        seen = text_of(board)
        places = [seen.index(f"to q{number}") for number in range(MOST_AT_ONCE)]
        assert places == sorted(places)


async def test_esc_leaves_the_line_and_a_or_enter_comes_back() -> None:
    async with playing() as (board, pilot, talker):
        line = board.screen.query_one(QuestionLine)
        await pilot.press("2")
        assert line.text == "2"
        await pilot.press("backspace", "escape", "2")
        await settled(pilot)
        assert "My tasks" in text_of(board)
        await pilot.press("1", "enter")
        assert board.focused is line
        await pilot.press("escape", "a")
        assert board.focused is line
        assert not talker.asked


async def test_an_exchange_is_chosen_and_opened() -> None:
    async with playing() as (board, pilot, talker):
        await pilot.press("escape", "d", "j")
        await end(pilot, await ask(pilot, talker, "one"), "first answer")
        await end(pilot, await ask(pilot, talker, "two"), "second answer")
        await pilot.press("escape", "k", "k")
        focused = board.focused
        assert isinstance(focused, ExchangeView)
        assert focused.exchange.number == 1

        await pilot.press("enter")
        await settled(pilot)

        assert isinstance(board.screen, ExchangeScreen)
        assert "Playground > Question 1" in text_of(board)
        await pilot.press("escape", "escape", "d")
        await settled(pilot)
        assert "Question 2" in text_of(board)


async def test_answers_are_copied() -> None:
    async with playing() as (board, pilot, talker):
        await pilot.press("escape", "y")
        assert board.clipboard == ""
        await end(pilot, await ask(pilot, talker, "one"), "first")
        await pilot.press("escape")
        copied = []
        for key in ("y", "Y", "c", "C"):
            await pilot.press(key)
            copied.append(board.clipboard)

        assert copied[0] == "first"
        assert copied[1] == copied[3] + "\n"
        assert "## Question 1" in copied[1]
        assert "Readable by  node" in copied[2]


async def test_a_conversation_is_saved_under_new_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with playing() as (board, pilot, talker):
        await end(pilot, await ask(pilot, talker, "one"), "first")
        await pilot.press("escape", "s", "s")
        await settled(pilot)

        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == [
            "clubai-chat-20260921-141320-2.md",
            "clubai-chat-20260921-141320.md",
        ]
        assert f"Saved as {names[1]}" in told(board)
        assert "first" in (tmp_path / names[0]).read_text()


async def test_a_folder_that_cannot_be_written_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Path, "cwd", lambda: Path("/none/such"))
    async with playing() as (board, pilot, talker):
        await end(pilot, await ask(pilot, talker, "one"), "first")
        await pilot.press("escape", "s")
        await settled(pilot)

        assert "Not saved: No such file or directory" in told(board)


@pytest.mark.parametrize(("size", "together"), [(LARGE, True), (SMALL, False)])
async def test_votes_are_next_to_each_other(
    size: tuple[int, int], together: bool
) -> None:
    async with playing(size=size) as (board, pilot, talker):
        await pilot.press("ctrl+t")
        asked = await ask(pilot, talker, "x")
        asked.progress(
            Progress(
                step="replica-1",
                kind="replica",
                state="asked",
                done=0,
                steps=3,
                tokens=0,
                provisional="It is Pa",
            )
        )
        await settled(pilot)
        assert "provisional: other nodes may outvote it" in text_of(board)
        answer = voted("It is Paris.", "It is Lyon.", "It is Paris.", dissent=[1])
        asked.end(answer)
        await settled(pilot)
        await settled(pilot)

        seen = text_of(board)
        assert "agreed 2 of 3 · quorum · compared as text · nodes of 3 owners" in seen
        assert "barn says something else" in seen
        assert "It is [Lyon]." in seen
        lines = seen.splitlines()
        head = next(line for line in lines if "attic: agrees" in line)
        assert ("barn: dissents" in head) is together


async def test_the_parts_of_a_job_are_told_as_they_end() -> None:
    async with playing() as (board, pilot, talker):
        board.wanted_mode = "subtasks"
        await settled(pilot)
        asked = await ask(pilot, talker, "x")
        for state, node in (("asked", ""), ("done", "barn")):
            asked.progress(
                Progress(
                    step="part-1",
                    kind="part",
                    state=state,  # type: ignore[arg-type]
                    title="a fruit",
                    node=node,
                    done=int(state == "done"),
                    steps=2,
                    tokens=0,
                )
            )
            await settled(pilot)
            where = " on barn" if node else ""
            assert f"part-1 {state}{where} - a fruit" in text_of(board)

        assert "1 of 2 parts have ended" in text_of(board)


async def test_prepared_questions_are_asked_by_space() -> None:
    asking = Asking(samples=("S1?", "S2?"), temperature=0)
    async with playing(asking=asking) as (_, pilot, talker):
        await pilot.press("escape", "space", "space", "space")
        await settled(pilot)

        assert [each.question for each in talker.asked] == ["S1?", "S2?", "S1?"]
        assert talker.asked[0].options["temperature"] == 0


async def test_the_demo_asks_what_is_typed_as_it_asks_once() -> None:
    async with playing(asking=DEMO) as (_, pilot, talker):
        typed = await ask(pilot, talker, "What is the capital of France?")
        await end(pilot, typed, "Paris.")
        await pilot.press("escape", "space")
        await settled(pilot)
        await end(pilot, talker.asked[-1], "Paris.")
        await pilot.press("r")
        await settled(pilot)

        assert len(talker.asked) == 3
        for asked in talker.asked:
            assert asked.options == {
                "model": "",
                "mode": "single",
                "system": "Answer in one short sentence.",
                "max_tokens": 80,
                "temperature": 0,
            }


async def test_temperature_and_seed_go_along_and_stand_in_the_details() -> None:
    asking = Asking(max_tokens=9, temperature=0.5, seed=7)
    async with playing(asking=asking) as (board, pilot, talker):
        asked = await ask(pilot, talker, "why")
        assert asked.options.items() >= asking.options.items()

        await pilot.press("escape", "d")
        await settled(pilot)

        assert "Temperature  0.5" in text_of(board)
        assert "Seed         7" in text_of(board)


async def test_where_nothing_was_given_the_models_server_decides() -> None:
    async with playing() as (_, pilot, talker):
        asked = await ask(pilot, talker, "why")

        assert asked.options == {"model": "", "mode": "single", "system": ""}


async def test_a_paste_keeps_its_lines() -> None:
    async with playing() as (board, pilot, talker):
        board.post_message(events.Paste("one\ntwo"))
        await pilot.press("enter")
        await settled(pilot)

        assert talker.asked[0].question == "one\ntwo"


async def test_many_tokens_are_few_redraws() -> None:
    async with playing() as (board, pilot, talker):
        asked = await ask(pilot, talker, "x")
        asked.say(*("word " for _ in range(2000)))
        await settled(pilot)
        await settled(pilot)
        view = board.screen.query_one(ExchangeView)

        assert view.exchange.text == "word " * 2000
        assert view.updates <= 8


async def test_a_long_conversation_shows_its_end_and_redraws_what_grows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with shown(view="member", keys=["escape"]) as (board, pilot):
        screen, talk = board.screen, board.conversation
        assert isinstance(screen, PlaygroundScreen)
        for number in range(MOST_SHOWN + 2):
            talk.begin(f"question {number}", now=0.0).stop(0.0)
        await settled(pilot)
        last = talk.begin("the last one", now=0.0)
        await settled(pilot)

        views = list(screen.query(ExchangeView))
        assert [view.exchange for view in views] == talk.exchanges[-MOST_SHOWN:]
        await pilot.press("Y")
        assert "question 0" in board.clipboard

        redrawn: list[Exchange] = []
        show = ExchangeView.show

        def noted(view: ExchangeView, *args: Any) -> None:
            redrawn.append(view.exchange)
            show(view, *args)

        monkeypatch.setattr(ExchangeView, "show", noted)
        last.grow("word")
        screen._grow()
        last.stop(0.0)
        screen._grow()
        screen._grow()
        assert redrawn == [last, last]
        await settled(pilot)
        assert len(redrawn) > MOST_SHOWN  # another look or size changes all of them


async def test_a_long_answer_is_followed_unless_one_scrolls_up() -> None:
    async with playing(size=SMALL) as (board, pilot, talker):
        talk = board.screen.query_one("#talk", VerticalScroll)
        asked = await ask(pilot, talker, "x")
        asked.say(*(f"line {number}\n" for number in range(60)))
        await settled(pilot)
        await settled(pilot)
        assert "line 59" in text_of(board)

        await pilot.press("escape", "home")
        await settled(pilot)
        asked.say(*(f"line {number}\n" for number in range(60, 90)))
        await settled(pilot)

        assert talk.scroll_offset.y == 0
        await pilot.press("end")
        asked.say("the end\n")
        await settled(pilot)
        await settled(pilot)
        assert "the end" in text_of(board)


async def test_readonly_asks_nothing() -> None:
    async with playing(readonly=True, asking=Asking(samples=("S?",))) as (
        board,
        pilot,
        talker,
    ):
        assert "READ-ONLY: nothing is asked from here" in text_of(board)
        await pilot.press("a", "x", "enter", "space", "ctrl+t", "r")
        await settled(pilot)

        assert not talker.asked
        assert "mode single" in text_of(board)


async def test_a_replay_has_nobody_to_ask() -> None:
    async with shown(Scripted(script()), view="member") as (board, pilot):
        board.follow(Replay((), name="old.jsonl"))
        board.picture = _seen(board)
        await settled(pilot)

        assert "Nobody can be asked" in text_of(board)


def _seen(board: Board) -> Any:
    picture = board.picture
    for item in script():
        picture.take(item, 0.0)
    return picture


async def test_without_colours_and_blocks_all_is_said() -> None:
    async with playing(size=(60, 24), ascii=True) as (board, pilot, talker):
        asked = await ask(pilot, talker, "x")
        asked.end(voted("a", "b", dissent=[1]))
        await settled(pilot)
        await settled(pilot)

        assert text_of(board).isascii()
        assert "barn: dissents" in text_of(board)
        await pilot.press("escape", "m")
        await pilot.pause()
        assert text_of(board).isascii()


@asynccontextmanager
async def real_club(path: Path, backend: ScriptedBackend) -> AsyncIterator[MemoryClub]:
    async with memory_club(path) as club:
        await club.add("attic", backend)
        yield club


async def test_a_real_club_answers(tmp_path: Path) -> None:
    import anyio

    go_on = anyio.Event()
    steps: list[Piece | anyio.Event] = [
        word("Paris "),
        go_on,
        word("it is."),
        stop(),
        USAGE,
    ]
    backend = ScriptedBackend(lambda _body: steps)  # type: ignore[arg-type,return-value]
    async with real_club(tmp_path, backend) as club:
        source = Scripted(script(), asked=club.client)
        asking = Asking(max_tokens=9, temperature=0, seed=7)
        async with shown(source, size=LARGE, view="member", asking=asking) as (
            board,
            pilot,
        ):
            screen = board.screen
            assert isinstance(screen, PlaygroundScreen)
            await pilot.press(*"capital", "enter")
            with anyio.fail_after(10):
                while "Paris" not in text_of(board):
                    await settled(pilot)
            assert "attic · answering" in text_of(board)
            go_on.set()
            with anyio.fail_after(10):
                while "readable by" not in text_of(board):
                    await settled(pilot)

            seen = text_of(board)
            assert "Paris it is." in seen
            assert "attic · 2 tokens ·" in seen
            assert "readable by node" in seen
            body = backend.asked[0][2]
            assert body["messages"][-1]["content"] == "capital"
            assert body.items() >= asking.options.items()
            assert len(screen.talk.exchanges[0].task) == 32
