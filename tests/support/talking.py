"""A client for the dashboard's playground: a test feeds each answer by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

from msgspec.structs import replace

from clubai.client import Answer, Client, NodeUsed
from clubai.client.answer import Agreement, PartReport
from clubai.client.modes.progress import OnProgress
from clubai.client.run import OnWait
from clubai.errors import ClubAIError
from clubai.model import Timings, Usage
from clubai.protocol.messages import Notice

TASK = "0" * 31 + "7"
NODES = tuple(
    NodeUsed(id=(name + "a" * 52)[:52], name=name)
    for name in ("attic", "barn", "cellar")
)


def answer_of(text: str, **fields: Any) -> Answer:
    """A whole answer from the attic."""
    whole = Answer(
        text=text,
        model="qwen3-8b",
        mode="single",
        nodes=NODES[:1],
        attempts=1,
        usage=Usage(prompt_tokens=9, completion_tokens=50),
        timings=Timings(queued_ms=1, first_token_ms=200, total_ms=1200),
        readable_by="node",
        task=TASK,
        finish_reason="stop",
    )
    return replace(whole, **fields)


def voted(
    *texts: str, dissent: Sequence[int] = (), quorum: bool = True, **fields: Any
) -> Answer:
    """An answer of several nodes; those at `dissent` say something else."""
    parts = tuple(
        PartReport(
            id=f"replica-{number + 1}",
            kind="replica",
            title="compared as text",
            state="done",
            nodes=(NODES[number],),
            attempts=1,
            task=f"{number:032x}",
            text=text,
        )
        for number, text in enumerate(texts)
    )
    agreeing = [n for n in range(len(texts)) if n not in dissent]
    agreement = Agreement(
        quorum=quorum,
        agreed=len(agreeing) if quorum else 1,
        answers=len(texts),
        owners=len(texts),
        compared="text",
        reason="majority",
        votes=(tuple(NODES[n].id for n in agreeing),),
        dissent=tuple(NODES[n].id for n in dissent),
    )
    return answer_of(
        texts[0],
        mode="consensus",
        nodes=NODES[: len(texts)],
        parts=parts,
        agreement=agreement,
        **fields,
    )


class Asked:
    """One question; the test says what becomes of it."""

    def __init__(
        self,
        prompt: Any,
        options: dict[str, Any],
        on_wait: OnWait | None,
        on_progress: OnProgress | None,
    ) -> None:
        self.prompt = prompt
        self.options = options
        self.left = False
        """Whoever asked left before the end."""
        self.run = SimpleNamespace(
            task="", node="", node_name="", attempts=0, model=options["model"]
        )
        self.progress = on_progress or (lambda _: None)
        self._on_wait = on_wait or (lambda _: None)
        self._pieces: asyncio.Queue[str | Answer | ClubAIError] = asyncio.Queue()
        self._answer: Answer | None = None

    @property
    def question(self) -> str:
        return self.prompt[-1]["content"]

    @property
    def answer(self) -> Answer:
        assert self._answer is not None
        return self._answer

    def wait(self, text: str, position: int = 0) -> None:
        """Tell why it waits."""
        self._on_wait(Notice(code="queued", text=text, position=position))

    def assign(self, number: int = 0, attempts: int = 1) -> None:
        """Give it to a node."""
        node = NODES[number]
        self.run.task, self.run.attempts = TASK, attempts
        self.run.node, self.run.node_name = node.id, node.name

    def say(self, *pieces: str) -> None:
        """Let more of the answer come."""
        for piece in pieces:
            self._pieces.put_nowait(piece)

    def end(self, answer: Answer | ClubAIError) -> None:
        """Let it end, well or not."""
        self._pieces.put_nowait(answer)

    def __aiter__(self) -> Asked:
        return self

    async def __anext__(self) -> str:
        piece = await self._pieces.get()
        if isinstance(piece, ClubAIError):
            raise piece
        if isinstance(piece, Answer):
            self._answer = piece
            raise StopAsyncIteration
        return piece


class Talker:
    """Stands where a `Client` does, and keeps all that it is asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.lost = False
        self.opened = 0
        self.closed = 0
        self.refusals: list[ClubAIError] = []
        """Raised one by one in place of a connection."""

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Client]:
        """What a source's `client` gives."""
        self.opened += 1
        if self.refusals:
            raise self.refusals.pop(0)
        self.lost = False
        try:
            yield cast("Client", self)
        finally:
            self.closed += 1

    @property
    def source(self) -> Callable[[], AbstractAsyncContextManager[Client]]:
        return self.connect

    @asynccontextmanager
    async def stream(
        self,
        prompt: Any,
        *,
        on_wait: OnWait | None = None,
        on_progress: OnProgress | None = None,
        **options: Any,
    ) -> AsyncIterator[Asked]:
        asked = Asked(prompt, options, on_wait, on_progress)
        self.asked.append(asked)
        try:
            yield asked
        finally:
            asked.left = asked._answer is None
