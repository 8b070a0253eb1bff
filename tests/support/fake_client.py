"""A client that answers from a script: the shape of `clubai.client.Client`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec

from clubai.client import Client
from clubai.client.job import Job
from clubai.errors import ClubAIError
from clubai.model import ModelSnapshot, ReadableBy, Timings, Usage
from clubai.protocol.records import Choice

TASK = "0123456789abcdef0123456789abcdef"
NODE = "n" * 52

Step = list[Choice] | Exception | anyio.Event


def model(name: str, **changes: Any) -> ModelSnapshot:
    kept = ModelSnapshot(
        name=name,
        nodes=2,
        warm=1,
        slots=4,
        slots_free=3,
        context=2048,
        kinds=("chat", "completion"),
    )
    return msgspec.structs.replace(kept, **changes)


def delta(
    finish_reason: str | None = None,
    *,
    index: int = 0,
    logprobs: Any = None,
    **fields: Any,
) -> Choice:
    """One step of a chat answer."""
    return Choice(
        index=index,
        delta=msgspec.Raw(msgspec.json.encode(fields)),
        finish_reason=finish_reason,
        logprobs=msgspec.Raw(msgspec.json.encode(logprobs) if logprobs else b""),
    )


def hello() -> list[Step]:
    """The steps of a short answer, as a model's server streams them."""
    return [
        [delta(role="assistant", content=None)],
        [delta(content="Hel")],
        [delta(content="lo "), delta(content="there")],
        [delta("stop")],
    ]


class FakeRun:
    """One scripted answer: `before` happens in `begin`, `steps` while iterating."""

    def __init__(self, client: FakeClient, job: Job) -> None:
        self.job = job
        self.model = job.model
        self.task = ""
        self.node = ""
        self.node_name = ""
        self.attempts = 0
        self.usage = Usage()
        self.usage_json = msgspec.Raw(b"{}")
        self.timings = Timings(queued_ms=1, first_token_ms=2, total_ms=3)
        self.readable_by: ReadableBy = client.readable_by
        self.left_early = False
        self.ended = False
        self._client = client
        self._steps = iter(client.steps)

    async def begin(self) -> None:
        await anyio.lowlevel.checkpoint()
        for step in self._client.before:
            await self._play(step)
        self.task = TASK
        self.node = NODE
        self.node_name = "kitchen"
        self.attempts = 1

    def __aiter__(self) -> FakeRun:
        return self

    async def __anext__(self) -> list[Choice]:
        for step in self._steps:
            played = await self._play(step)
            if played is not None:
                return played
        self._end()
        raise StopAsyncIteration

    async def read_body(self) -> bytes:
        for step in self._steps:
            await self._play(step)
        self._end()
        return self._client.body

    async def _play(self, step: Step) -> list[Choice] | None:
        if isinstance(step, Exception):
            self.ended = True
            raise step
        if isinstance(step, anyio.Event):
            await step.wait()
            return None
        return step

    def _end(self) -> None:
        self.ended = True
        self.usage = self._client.usage
        self.usage_json = self._client.usage_json


class FakeClient:
    """Answers every job with the same script, and remembers the runs."""

    def __init__(
        self,
        steps: list[Step] | None = None,
        *,
        before: list[Step] | None = None,
        body: bytes = b"[]",
        models: tuple[ModelSnapshot, ...] | ClubAIError = (),
        usage: Usage | None = None,
        usage_json: bytes = b"",
        readable_by: ReadableBy = "coordinator and node",
    ) -> None:
        self.steps = hello() if steps is None else steps
        self.before = before or []
        self.body = body
        self.offered = models
        self.usage = usage or Usage(prompt_tokens=7, completion_tokens=3)
        self.usage_json = msgspec.Raw(usage_json)
        self.readable_by: ReadableBy = readable_by
        self.runs: list[FakeRun] = []
        self.left = anyio.Event()
        self.speaks_for = ""

    @property
    def job(self) -> Job:
        """The job of the only run."""
        (run,) = self.runs
        return run.job

    @asynccontextmanager
    async def run(self, job: Job) -> AsyncIterator[FakeRun]:
        run = FakeRun(self, job)
        self.runs.append(run)
        try:
            yield run
        finally:
            run.left_early = not run.ended
            self.left.set()

    async def models(self) -> tuple[ModelSnapshot, ...]:
        await anyio.lowlevel.checkpoint()
        if isinstance(self.offered, ClubAIError):
            raise self.offered
        return self.offered


class FakeSource:
    """Gives everybody the same client, or the same refusal."""

    def __init__(self, client: FakeClient | Client | ClubAIError) -> None:
        self.client = client
        self.asked: list[tuple[str | None, str]] = []

    async def client_for(
        self, authorization: str | None, address: str
    ) -> FakeClient | Client:
        await anyio.lowlevel.checkpoint()
        self.asked.append((authorization, address))
        if isinstance(self.client, ClubAIError):
            raise self.client
        return self.client
