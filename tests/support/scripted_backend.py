"""A `Backend` whose answers a test writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec

from clubai.agent.backends.base import BackendInfo, Embeddings, Piece, UsageReport
from clubai.errors import BackendError
from clubai.model import Kind, ModelOffer
from clubai.protocol.records import Choice

USAGE = UsageReport(
    prompt_tokens=5,
    completion_tokens=2,
    raw=msgspec.Raw(b'{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}'),
)


def word(text: str) -> Choice:
    return Choice(delta=msgspec.Raw(msgspec.json.encode({"content": text})))


def stop(finish: str = "stop") -> Choice:
    return Choice(delta=msgspec.Raw(b"{}"), finish_reason=finish)


Answerer = Callable[[dict[str, Any]], Sequence[Piece | BackendError | anyio.Event]]
"""An error is raised in its place, an event waited for."""


def say(*texts: str) -> Answerer:
    return lambda _body: [*map(word, texts), stop(), USAGE]


class ScriptedBackend:
    """Answers as told; remembers what it was asked and what was stopped."""

    def __init__(
        self,
        answer: Answerer | None = None,
        *,
        models: Sequence[str] = ("m",),
        slots: int = 2,
    ) -> None:
        self.answer = answer or say("hello")
        self.info = BackendInfo(
            kind="scripted",
            version="1",
            url="",
            models=tuple(
                ModelOffer(name=name, kinds=("chat", "completion", "embedding"))
                for name in models
            ),
            slots=slots,
        )
        self.asked: list[tuple[Kind, str, dict[str, Any]]] = []
        self.running = 0
        self.most_running = 0
        self.stopped = anyio.Event()
        """Set when a request was left before its end."""
        self.started = anyio.Event()

    async def look(self) -> BackendInfo:
        return self.info

    @asynccontextmanager
    async def run(
        self, kind: Kind, model: str, body: dict[str, Any]
    ) -> AsyncIterator[AsyncIterator[Piece]]:
        self.asked.append((kind, model, body))
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        pieces = _Pieces(self.answer(body))
        self.started.set()
        try:
            yield pieces
        finally:
            self.running -= 1
            if not pieces.ended:
                self.stopped.set()


class _Pieces:
    def __init__(self, steps: Sequence[Piece | BackendError | anyio.Event]) -> None:
        self._steps = list(steps)
        self.ended = False

    def __aiter__(self) -> _Pieces:
        return self

    async def __anext__(self) -> Piece:
        while self._steps:
            step = self._steps.pop(0)
            if isinstance(step, anyio.Event):
                await step.wait()
            elif isinstance(step, BackendError):
                self.ended = True
                raise step
            else:
                return step
        self.ended = True
        raise StopAsyncIteration


def embeddings(rows: bytes) -> Answerer:
    return lambda _body: [Embeddings(data=msgspec.Raw(rows)), USAGE]
