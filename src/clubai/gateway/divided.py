"""Divided jobs over HTTP: progress while they run, provenance with the answer.

Streamed, all that is not the answer itself comes in chunks without choices, under
`clubai`: clients that do not know it pass over them, as over the chunk of the usage.
What may still be outvoted is only there (`provisional`); the text that a client puts
together from the choices is the answer.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

import anyio
import msgspec

from clubai.client.answer import Answer
from clubai.client.client import Client
from clubai.client.job import Job
from clubai.client.modes.divided import Divided
from clubai.client.modes.progress import Progress
from clubai.errors import ClubAIError, lone_errors
from clubai.gateway.answers import explained, tell_failure
from clubai.gateway.exchange import Exchange, task_headers
from clubai.gateway.problems import Headers, Problem
from clubai.gateway.sse import EventStream
from clubai.protocol.openai import Request
from clubai.protocol.openai_answer import DONE, answer_id, event
from clubai.transport.bell import Bell

MOST_WAITING: Final = 1024
"""Words of progress that wait for a slow reader."""


class ChatShape:
    """Writes a divided job's answer as the OpenAI API does."""

    def __init__(self, request: str, model: str, created: int) -> None:
        self._head = {
            "id": answer_id("chat", request),
            "created": created,
            "model": model,
        }

    def whole(self, answer: Answer) -> dict[str, Any]:
        """All of it."""
        message = {"role": "assistant", "content": answer.text}
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": answer.finish_reason or "stop",
        }
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [choice],
            "usage": usage_of(answer),
            "clubai": provenance(answer),
        }

    def progress(self, progress: Progress) -> bytes:
        """A chunk that says how far the job is."""
        return self._chunk([], clubai={"progress": msgspec.to_builtins(progress)})

    def end(self, answer: Answer, *, include_usage: bool) -> bytes:
        """The chunks with the text, its end and its provenance."""
        finish = answer.finish_reason or "stop"
        text = {"role": "assistant", "content": answer.text}
        chunks = [
            self._chunk([{"index": 0, "delta": text, "finish_reason": None}]),
            self._chunk([{"index": 0, "delta": {}, "finish_reason": finish}]),
            self._chunk([], clubai=provenance(answer)),
        ]
        if include_usage:
            chunks.append(self._chunk([], usage=usage_of(answer)))
        return b"".join(chunks) + DONE

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        name = "chat.completion.chunk"
        return event({**self._head, "object": name, "choices": choices, **more})


class NativeShape:
    """Writes it as `POST /inference` does."""

    def whole(self, answer: Answer) -> dict[str, Any]:
        """All of it: the text, and beside it what `clubai` holds elsewhere."""
        return {
            "answer": answer.text,
            "model": answer.model,
            "usage": usage_of(answer),
            "finish_reason": answer.finish_reason or "stop",
            **provenance(answer),
        }

    def progress(self, progress: Progress) -> bytes:
        """An event that says how far the job is."""
        return event({"progress": msgspec.to_builtins(progress)})

    def end(self, answer: Answer, *, include_usage: bool) -> bytes:
        """The text, and then the object that comes alone otherwise."""
        del include_usage  # it is in the object
        return event({"text": answer.text}) + event(self.whole(answer)) + DONE


def usage_of(answer: Answer) -> dict[str, int]:
    """The tokens of all parts together."""
    return {
        "prompt_tokens": answer.usage.prompt_tokens,
        "completion_tokens": answer.usage.completion_tokens,
        "total_tokens": answer.usage.total_tokens,
    }


def provenance(answer: Answer) -> dict[str, Any]:
    """Where an answer comes from: nodes, attempts, agreement, parts, who could read."""
    fields = (
        "mode",
        "nodes",
        "attempts",
        "timings",
        "readable_by",
        "task",
        "agreement",
        "parts",
        "citations",
        "note",
    )
    return {name: msgspec.to_builtins(getattr(answer, name)) for name in fields}


def headers_of(answer: Answer) -> Headers:
    """The headers of a whole answer."""
    node = answer.nodes[0].id if len(answer.nodes) == 1 else ""
    headers = task_headers(
        answer.task,
        node=node,
        attempts=answer.attempts,
        readable_by=answer.readable_by,
    )
    agreement = answer.agreement
    if agreement is not None:
        share = f"{agreement.agreed}/{agreement.answers}"
        headers.append((b"x-clubai-consensus", share.encode("ascii")))
    return headers


async def send_divided(
    exchange: Exchange,
    client: Client,
    request: Request,
    job: Job,
    shape: ChatShape | NativeShape,
    events: EventStream | None = None,
) -> None:
    """Run a divided job until its answer is out, failed, or nobody waits any more.

    Raises:
        Exception: a bug; whoever asked has been told that there was one.
    """
    told = _ProgressStream(shape, events) if events else None
    divided = client.divide(
        job.body,
        request.dividing,
        model=job.model,
        privacy=job.privacy,
        wait_s=job.wait_s,
        deadline_s=job.deadline_s,
        on_progress=told.tell if told else None,
    )

    async def work() -> None:
        if told is not None:
            await _stream(divided, told, include_usage=request.include_usage)
            return
        answer = await divided.answer()
        body = msgspec.json.encode(shape.whole(answer))
        await exchange.respond(200, body, headers_of(answer))

    async def explain(error: ClubAIError) -> Problem:
        return await explained(error, client, job, offered=divided.offered)

    await tell_failure(exchange, work, explain, events)


class _ProgressStream:
    """Progress on its way to one reader, who may be slower than it comes."""

    def __init__(self, shape: ChatShape | NativeShape, events: EventStream) -> None:
        self._shape = shape
        self._events = events
        self._waiting: deque[Progress] = deque(maxlen=MOST_WAITING)
        self._bell = Bell()
        self._all_told = False

    def tell(self, progress: Progress) -> None:
        """Queue it; when too many wait, the oldest is not told."""
        self._waiting.append(progress)
        self._bell.ring()

    def close(self) -> None:
        """Nothing more is told: `show` ends once all of it is sent."""
        self._all_told = True
        self._bell.ring()

    async def show(self) -> None:
        """Send what comes. Cancelled, it would lose what it is sending."""
        while self._waiting or not self._all_told:
            await self._bell.wait()
            while self._waiting:
                await self._events.send(self._shape.progress(self._waiting.popleft()))

    async def begin(self) -> None:
        """Send the headers."""
        await self._events.begin([])

    async def end(self, answer: Answer, *, include_usage: bool) -> None:
        """Send the answer, which ends the stream."""
        await self._events.end(self._shape.end(answer, include_usage=include_usage))


async def _stream(
    divided: Divided, told: _ProgressStream, *, include_usage: bool
) -> None:
    await divided.plan()  # what cannot be divided is refused before it begins
    await told.begin()
    answer: Answer | None = None
    failure: ClubAIError | None = None
    with lone_errors():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(told.show)
            try:
                answer = await divided.answer()
            except ClubAIError as error:
                failure = error
            told.close()
    if answer is None:
        try:
            raise failure or AssertionError
        finally:
            del failure  # with this frame in its traceback it would hold itself
    await told.end(answer, include_usage=include_usage)
