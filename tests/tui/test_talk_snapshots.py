"""The playground with what was asked in it, as pictures; see `test_snapshots`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot

from clubai.client.modes.progress import Progress
from clubai.errors import TaskFailed
from clubai.model import FailCode
from clubai.tui.widgets.question import QuestionLine
from support.dashboard import LARGE, SMALL, Scripted, picture_of, script, settled, shown
from support.talking import Asked, Talker, answer_of, voted

Play = Callable[[Pilot[None], Talker], Awaitable[None]]


async def ask(pilot: Pilot[None], talker: Talker, question: str) -> Asked:
    line = pilot.app.screen.query_one(QuestionLine)
    line.focus()
    line.insert(question)
    await pilot.press("enter")
    await settled(pilot)
    return talker.asked[-1]


async def waiting(pilot: Pilot[None], talker: Talker) -> None:
    asked = await ask(pilot, talker, "Why is the sky blue?")
    asked.wait("queued: all slots are in use", 2)


async def answering(pilot: Pilot[None], talker: Talker) -> None:
    asked = await ask(pilot, talker, "Why is the sky blue?")
    asked.assign()
    asked.say("Because air scatters ", "blue light more ")


async def answered(pilot: Pilot[None], talker: Talker) -> None:
    first = await ask(pilot, talker, "Why is the sky blue?")
    first.end(answer_of("Because air scatters blue light more than red."))
    await settled(pilot)
    second = await ask(pilot, talker, "And at night?")
    second.end(TaskFailed(FailCode.NODE_LOST, "the node was lost"))


async def details(pilot: Pilot[None], talker: Talker) -> None:
    await answered(pilot, talker)
    await settled(pilot)
    await pilot.press("escape", "k", "k", "enter")


async def votes(pilot: Pilot[None], talker: Talker) -> None:
    await pilot.press("ctrl+t")
    asked = await ask(pilot, talker, "What is the capital of France?")
    answer = voted("It is Paris.", "It is Lyon.", "It is Paris.", dissent=[1])
    asked.end(answer)


async def no_quorum(pilot: Pilot[None], talker: Talker) -> None:
    await pilot.press("ctrl+t")
    asked = await ask(pilot, talker, "What is the capital of France?")
    asked.end(voted("Paris.", "Lyon.", "Nice.", dissent=[1, 2], quorum=False))


async def parts(pilot: Pilot[None], talker: Talker) -> None:
    await pilot.press("ctrl+t", "ctrl+t")
    asked = await ask(pilot, talker, "Compare three trees.")
    for number, state in enumerate(("done", "asked"), 1):
        asked.progress(
            Progress(
                step=f"part-{number}",
                kind="part",
                state=state,
                done=1,
                steps=3,
                tokens=40,
            )
        )


async def models(pilot: Pilot[None], _: Talker) -> None:
    await pilot.press("escape", "m")


PLAYS: Final[dict[str, Play]] = {
    play.__name__: play
    for play in (
        *(waiting, answering, answered, details, votes, no_quorum, parts),
        models,
    )
}


@pytest.mark.parametrize("play", PLAYS)
async def test_the_playground(pictures: SnapshotAssertion, play: str) -> None:
    talker = Talker()
    source = Scripted(script(role="member"), asked=talker.connect)
    async with shown(source, view="member", toasts=False) as (board, pilot):
        board.animation_level = "none"
        await PLAYS[play](pilot, talker)
        await settled(pilot)
        for size in (SMALL, LARGE):
            await pilot.resize_terminal(*size)
            await settled(pilot)
            await settled(pilot)
            assert picture_of(board) == pictures(name=f"{size[0]}x{size[1]}")
