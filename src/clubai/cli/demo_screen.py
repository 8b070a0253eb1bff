"""The demo on a terminal: nodes, tasks, questions and answers, live."""

from __future__ import annotations

import os
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import anyio
from anyio.abc import TaskGroup
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from clubai.cli import show
from clubai.cli.demo_keys import Ask, Keys, Quit, Sample
from clubai.cli.demo_talk import KEPT, Exchange, Talk
from clubai.client import Client
from clubai.club import Club
from clubai.model import ClubSnapshot
from clubai.tui import look, plain
from clubai.tui.samples import SAMPLES

FRAME_S: Final = 0.1
TASKS_SHOWN: Final = 6
EXCHANGE_LINES: Final = 4
"""A question, two lines of answer, its source."""
FIXED_LINES: Final = 13
"""The head, the heads of both tables, the counters."""
MOST_ASKED_AT_ONCE: Final = 8
_HINT: Final = "q quits · space asks a prepared question · a asks your own"
_BUSY_HINT: Final = "enough questions for now: wait for an answer"


class Screen:
    """What is on the terminal. `changed` asks for another frame."""

    def __init__(self, club: Club, client: Client) -> None:
        self.talk = Talk(client, self.changed)
        self.keys = Keys()
        self.snapshot: ClubSnapshot | None = None
        self._club = club
        self._client = client
        self._dirty = anyio.Event()
        self._asking = 0

    def changed(self) -> None:
        """Something to see is new."""
        self._dirty.set()

    async def show(self) -> None:
        """Show the club until `q` is pressed."""
        console = show.console()
        screen = Live(console=console, screen=True, auto_refresh=False)
        with keys_one_by_one(), screen as live:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch)
                tasks.start_soon(self._ask_samples)
                tasks.start_soon(self._draw, live)
                await self._read_keys(tasks)
                tasks.cancel_scope.cancel()

    def frame(self, *, height: int) -> RenderableType:
        """Everything, top to bottom, of what fits `height` lines."""
        nodes = len(self.snapshot.nodes) if self.snapshot else 0
        room = height - nodes - FIXED_LINES
        shown = max(1, min(KEPT, room // (EXCHANGE_LINES + 2)))
        tasks = max(1, min(TASKS_SHOWN, room - shown * EXCHANGE_LINES))
        parts: list[RenderableType] = [
            Text(f"ClubAI demo   {self._club.openai_url}", style="bold"),
            Text(f"API key       {self._club.api_key}", style="dim"),
            self._keys_line(),
        ]
        if self.snapshot:
            club = self.snapshot
            now = club.stats.now
            parts += [
                show.nodes_table(club.nodes, now=now),
                show.tasks_table(club.tasks[:tasks], now=now),
                show.counters_line(club.stats),
            ]
        newest = list(self.talk.exchanges)[-shown:]
        return Group(*parts, *(exchange_text(exchange) for exchange in newest))

    def _keys_line(self) -> Text:
        if self.keys.typed is not None:
            return Text(f"your question: {plain.name(self.keys.typed, 200)}▏")
        hint = _BUSY_HINT if self._asking >= MOST_ASKED_AT_ONCE else _HINT
        return Text(hint, style="dim")

    async def _watch(self) -> None:
        async with self._client.watch(interval_s=0.25) as snapshots:
            async for self.snapshot in snapshots:
                self.changed()

    async def _ask_samples(self) -> None:
        for _ in SAMPLES:
            await self._ask(self.talk.next_sample())

    async def _ask(self, question: str) -> None:
        self._asking += 1
        try:
            await self.talk.ask(question)
        finally:
            self._asking -= 1

    async def _draw(self, live: Live) -> None:
        while True:
            self._dirty = anyio.Event()
            live.update(self.frame(height=live.console.height), refresh=True)
            await anyio.sleep(FRAME_S)
            await self._dirty.wait()

    async def _read_keys(self, tasks: TaskGroup) -> None:
        while True:
            await anyio.wait_readable(sys.stdin)
            pressed = os.read(sys.stdin.fileno(), 1024)
            if not pressed:
                return
            for action in self.keys.press(pressed):
                match action:
                    case Quit():
                        return
                    case Sample():
                        self._start(tasks, self.talk.next_sample())
                    case Ask(question):
                        self._start(tasks, question)
            self.changed()

    def _start(self, tasks: TaskGroup, question: str) -> None:
        if self._asking < MOST_ASKED_AT_ONCE:
            tasks.start_soon(self._ask, question)


async def run_screen(club: Club, client: Client) -> None:
    """Show the club on this terminal until the person has seen enough."""
    await Screen(club, client).show()


def exchange_text(exchange: Exchange) -> Text:
    """One question and its answer so far."""
    lines = Text()
    lines.append(f"> {plain.name(exchange.question, 200)}\n", style="bold")
    lines.append(plain.text(exchange.text).strip() or "…")
    if exchange.failure:
        lines.append(f"\nfailed: {plain.name(exchange.failure, 200)}", style="red")
    if exchange.answer:
        answer = exchange.answer
        nodes = ", ".join(plain.name(node.name) for node in answer.nodes)
        lines.append(
            f"\n{nodes} · {answer.usage.completion_tokens} tokens · "
            f"{look.duration(answer.timings.total_ms)} · "
            f"readable by {answer.readable_by}",
            style="dim",
        )
    return lines


@contextmanager
def keys_one_by_one() -> Iterator[None]:
    """Take keys from the terminal as they are pressed, without an echo."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
