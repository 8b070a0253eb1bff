"""A client whose answers a test writes, where the demo takes a `Client`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from clubai.client import Answer, Client, NodeUsed
from clubai.errors import TaskRejected
from clubai.model import FailCode, Timings, Usage


def answer_of(text: str) -> Answer:
    return Answer(
        text=text,
        model="parrot",
        mode="single",
        nodes=(NodeUsed(id="a" * 52, name="attic"),),
        attempts=1,
        usage=Usage(prompt_tokens=9, completion_tokens=4),
        timings=Timings(queued_ms=1, first_token_ms=20, total_ms=300),
        readable_by="coordinator and node",
        task="0" * 32,
        finish_reason="stop",
    )


class _Pieces:
    def __init__(self, pieces: Sequence[str]) -> None:
        self._pieces = pieces
        self.answer = answer_of("".join(pieces))

    async def __aiter__(self) -> AsyncIterator[str]:
        for piece in self._pieces:
            yield piece


class FakeClient:
    def __init__(self, pieces: Sequence[str], *, refuse: str = "") -> None:
        self.asked: list[tuple[str, str]] = []
        self._pieces = pieces
        self._refuse = refuse

    @property
    def client(self) -> Client:
        return cast("Client", self)

    @asynccontextmanager
    async def stream(
        self, prompt: str, *, system: str, **_: Any
    ) -> AsyncIterator[_Pieces]:
        self.asked.append((prompt, system))
        if self._refuse:
            raise TaskRejected(FailCode.NO_CAPACITY, self._refuse)
        yield _Pieces(self._pieces)
