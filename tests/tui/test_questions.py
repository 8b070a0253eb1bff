from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from clubai.client.modes.progress import Progress
from clubai.errors import AuthenticationError, TaskFailed
from clubai.model import FailCode, Mode
from clubai.tui.asking import Asking
from clubai.tui.conversation import Conversation, Exchange
from clubai.tui.line import Held
from clubai.tui.questions import Questions
from support.dashboard import NOW, Scripted, node
from support.talking import TASK, Asked, Talker, answer_of

SHORT = Asking(system="Be short.", max_tokens=80, temperature=0, seed=7)


class Table:
    """Somebody who asks a club, without a screen."""

    def __init__(self) -> None:
        self.talk = Conversation()
        self.talker = Talker()
        self.tasks: list[asyncio.Task[None]] = []
        source = Scripted([], asked=self.talker.connect)
        self.questions = Questions(lambda: source, self._run)

    def _run(self, running: Coroutine[Any, Any, None]) -> Held:
        self.tasks.append(asyncio.get_running_loop().create_task(running))
        return self.tasks[-1]

    async def ask(
        self,
        question: str,
        *,
        mode: Mode = "single",
        asking: Asking | None = None,
        nodes: int = 2,
    ) -> tuple[Exchange, Asked]:
        self.questions.ask(
            self.talk,
            question,
            model="qwen3-8b",
            mode=mode,
            asking=asking or Asking(),
            nodes=[node(number) for number in range(nodes)],
        )
        return await self.newest()

    async def newest(self) -> tuple[Exchange, Asked]:
        count = len(self.talk.exchanges)
        await until(lambda: len(self.talker.asked) == count)
        return self.talk.exchanges[-1], self.talker.asked[-1]

    async def end(self, exchange: Exchange, asked: Asked, text: str) -> None:
        asked.end(answer_of(text))
        await ended(exchange)

    async def all_ended(self) -> None:
        await asyncio.wait(self.tasks)


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await anyio.lowlevel.checkpoint()


async def ended(exchange: Exchange) -> None:
    await until(lambda: not exchange.under_way)


@asynccontextmanager
async def seated() -> AsyncIterator[Table]:
    """Give somebody five seconds to ask; afterwards nothing runs any more."""
    table = Table()
    with anyio.fail_after(5):
        yield table
        table.questions.close()
        await table.all_ended()


async def test_a_question_is_asked_as_it_was_said_and_followed_to_its_end() -> None:
    async with seated() as table:
        exchange, asked = await table.ask("why", asking=SHORT)
        assert asked.options == {
            "model": "qwen3-8b",
            "mode": "single",
            "system": "Be short.",
            "max_tokens": 80,
            "temperature": 0,
            "seed": 7,
        }
        assert (exchange.asking, exchange.asked_at) == (SHORT, NOW)
        asked.wait("queued: all slots are in use", 2)
        assert exchange.waiting == "queued: all slots are in use (place 2)"
        asked.assign()
        assert exchange.task == TASK

        asked.say("It ", "is ")
        await until(lambda: exchange.text == "It is ")
        await table.end(exchange, asked, "It is so.")

        assert (exchange.state, exchange.text) == ("done", "It is so.")
        assert exchange.ended_at == NOW


async def test_the_parts_of_a_divided_job_are_kept() -> None:
    async with seated() as table:
        exchange, asked = await table.ask("why", mode="subtasks")
        step = Progress(
            step="part-1", kind="part", state="asked", done=0, steps=2, tokens=0
        )

        asked.progress(step)

        assert exchange.steps == (0, 2)
        assert exchange.parts["part-1"].state == "asked"


@pytest.mark.parametrize(
    ("mode", "asking", "said"),
    [
        ("single", Asking(), ["one", "1", "two"]),
        ("consensus", Asking(), ["one", "1", "two"]),
        ("subtasks", Asking(), ["two"]),
        ("context", Asking(), ["two"]),
        ("single", Asking(max_tokens=32_750), ["two"]),  # no room for more
    ],
)
async def test_what_was_said_goes_along_where_the_mode_takes_it_and_it_fits(
    mode: Mode, asking: Asking, said: list[str]
) -> None:
    async with seated() as table:
        await table.end(*await table.ask("one"), "1")

        _, asked = await table.ask("two", mode=mode, asking=asking)

        assert [message["content"] for message in asked.prompt] == said


async def test_asking_again_is_the_same_in_all_but_its_answer() -> None:
    async with seated() as table:
        await table.end(*await table.ask("one"), "1")
        old, first = await table.ask("two", mode="consensus", asking=SHORT)
        await table.end(old, first, "2")
        await table.end(*await table.ask("three"), "3")

        table.questions.ask_again(table.talk, old)
        new, second = await table.newest()

        assert second.prompt == first.prompt
        assert second.options == first.options
        assert new.again is old
        assert not old.replaced
        await table.end(new, second, "two")
        assert old.replaced


async def test_a_failure_is_told_and_what_had_come_stays() -> None:
    async with seated() as table:
        exchange, asked = await table.ask("why")
        asked.say("so far")
        asked.end(TaskFailed(FailCode.BACKEND, "the model broke"))
        await ended(exchange)

        assert (exchange.state, exchange.text) == ("failed", "so far")
        assert "the model broke" in exchange.failure


async def test_where_the_club_does_not_let_one_in_the_question_says_so() -> None:
    async with seated() as table:
        table.talker.refusals.append(AuthenticationError("the key is not known"))
        table.questions.ask(
            *(table.talk, "why"), model="", mode="single", asking=SHORT, nodes=()
        )
        exchange = table.talk.exchanges[-1]
        await ended(exchange)

        assert exchange.failure.startswith("the key is not known: log in with")
        table.questions.ask_again(table.talk, exchange)
        await until(lambda: bool(table.talker.asked))
        await table.end(table.talk.exchanges[-1], table.talker.asked[-1], "well")
        assert table.talk.exchanges[-1].state == "done"


async def test_stopping_one_leaves_its_node_and_no_other() -> None:
    async with seated() as table:
        one, first = await table.ask("one")
        two, second = await table.ask("two")

        table.questions.stop(one)
        assert one.state == "stopped"
        await until(lambda: first.left)

        assert not second.left
        await table.end(two, second, "2")
        table.questions.stop(two)
        assert two.state == "done"
        assert table.talker.opened == 1


async def test_one_that_is_cancelled_from_outside_has_stopped() -> None:
    async with seated() as table:
        exchange, asked = await table.ask("one")

        for task in table.tasks:
            task.cancel()
        await table.all_ended()

        assert (exchange.state, asked.left) == ("stopped", True)


async def test_closing_stops_all_and_hangs_up() -> None:
    async with seated() as table:
        one, first = await table.ask("one")
        two, second = await table.ask("two")

        table.questions.close()
        await table.all_ended()

        assert [one.state, two.state] == ["stopped", "stopped"]
        assert (first.left, second.left) == (True, True)
        assert (table.talker.opened, table.talker.closed) == (1, 1)
