"""The executor: runs one assignment on the backend and sends its answer."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, assert_never

import anyio
import msgspec

from clubai.agent.backends.base import Backend, Embeddings, UsageReport
from clubai.agent.batching import Flowing, Whole
from clubai.errors import (
    BackendError,
    ConnectionLost,
    LocalProtocolError,
    lone_errors,
)
from clubai.model import FailCode, Usage
from clubai.protocol.codec import encode
from clubai.protocol.decoding import UNREADABLE, decoded_bytes, is_too_deep
from clubai.protocol.messages import (
    Message,
    TaskAssign,
    TaskFail,
    TaskReply,
    TaskResult,
)
from clubai.protocol.records import Choice, RecordType, RecordWriter, cut
from clubai.transport.postbox import Postbox

logger = logging.getLogger(__name__)

MAX_DECODED_BYTES = 1 << 30
"""Of one request in memory: several times what the longest text takes."""

_body_decoder: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(
    dict[str, Any]
)


class Reply:
    """Sends one attempt's answer: begins it with the first record, counts, ends it.

    Nothing here waits; every method raises `ConnectionLost` when the postbox takes no
    more. `room` is where a slow connection holds the backend back.
    """

    def __init__(self, assign: TaskAssign, postbox: Postbox) -> None:
        self._assign = assign
        self._outbox = postbox
        self._writer = RecordWriter(assign.task, assign.part, assign.attempt)
        self._started = anyio.current_time()
        self._first_ms = 0

    @property
    def begun(self) -> bool:
        """A record has been sent."""
        return self._writer.count > 0

    def first(self) -> None:
        """Note when the backend gave its first step."""
        if not self._first_ms:
            self._first_ms = max(self._elapsed_ms(), 1)

    def data(self, data: bytes) -> None:
        """Send one `DATA` record."""
        self._begin()
        self._post(self._writer.write(RecordType.DATA, data))

    def finish(self, usage: UsageReport) -> None:
        """Send the final record and the result."""
        self._begin()
        self._post(self._writer.write(RecordType.USAGE, bytes(usage.raw), fin=True))
        self._post(
            TaskResult(
                task=self._assign.task,
                part=self._assign.part,
                attempt=self._assign.attempt,
                usage=Usage(
                    prompt_tokens=usage.prompt_tokens,
                    completion_tokens=usage.completion_tokens,
                ),
                first_token_ms=self._first_ms,
                total_ms=self._elapsed_ms(),
                records=self._writer.count,
            )
        )

    def fail(self, code: FailCode, message: str) -> None:
        """Tell that this attempt failed."""
        self._post(
            TaskFail(
                code=code,
                message=message[:2000],
                task=self._assign.task,
                part=self._assign.part,
                attempt=self._assign.attempt,
                begun=self.begun,
            )
        )

    async def room(self) -> None:
        """Wait while the connection is far behind."""
        await self._outbox.room()

    def _begin(self) -> None:
        if not self.begun:
            self._post(
                TaskReply(
                    task=self._assign.task,
                    part=self._assign.part,
                    attempt=self._assign.attempt,
                )
            )

    def _post(self, message: Message) -> None:
        if not self._outbox.post(encode(message)):
            raise ConnectionLost("the coordinator does not take the answer")

    def _elapsed_ms(self) -> int:
        return round((anyio.current_time() - self._started) * 1000)


async def execute(
    assign: TaskAssign,
    body: bytes,
    *,
    backend: Backend,
    postbox: Postbox,
    timeout_s: float,
) -> FailCode | None:
    """Run one assignment to its end; every end is told to the coordinator.

    Cancelling it stops the backend's work and says nothing. Gives the failure, if
    it failed.
    """
    reply = Reply(assign, postbox)
    try:
        return await _run(assign, body, backend, reply, timeout_s)
    except ConnectionLost:
        logger.debug("the coordinator is gone: the answer has nowhere to go")
        return FailCode.CANCELLED


async def _run(
    assign: TaskAssign, body: bytes, backend: Backend, reply: Reply, timeout_s: float
) -> FailCode | None:
    try:
        with anyio.fail_after(min(timeout_s, assign.deadline_s)):
            reply.finish(await _answer(assign, body, backend, reply))
    except BackendError as error:
        code, message = error.code, error.message
    except TimeoutError:
        code, message = FailCode.EXPIRED, "the node's time limit passed"
    except LocalProtocolError as error:
        code, message = FailCode.TOO_BIG, str(error)
    else:
        return None
    logger.info("an attempt failed: %s", code.value)
    reply.fail(code, message)
    return code


async def _answer(
    assign: TaskAssign, body: bytes, backend: Backend, reply: Reply
) -> UsageReport:
    request = decode_request(body)
    usage: UsageReport | None = None
    async with (
        backend.run(assign.kind, assign.model, request) as pieces,
        _steps(assign, reply) as steps,
    ):
        async for piece in pieces:
            reply.first()
            match piece:
                case Choice():
                    steps.add(piece)
                case UsageReport():
                    usage = piece
                case Embeddings():
                    for data in cut(bytes(piece.data)):
                        reply.data(data)
                case _:
                    assert_never(piece)
            await reply.room()
        if usage is None:
            raise BackendError(FailCode.TRUNCATED, "the backend ended without a usage")
        steps.flush()
    return usage


@asynccontextmanager
async def _steps(assign: TaskAssign, reply: Reply) -> AsyncIterator[Flowing | Whole]:
    if not assign.stream:
        yield Whole(reply.data)
        return
    flowing = Flowing(reply.data)
    with lone_errors():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(flowing.run)
            yield flowing
            tasks.cancel_scope.cancel()


def decode_request(body: bytes) -> dict[str, Any]:
    """Decode the body of a request. Raises `BackendError`."""
    if decoded_bytes(body) > MAX_DECODED_BYTES:
        raise BackendError(FailCode.TOO_BIG, "the request would take too much memory")
    try:
        request = _body_decoder.decode(body)
    except UNREADABLE as error:
        raise BackendError(
            FailCode.BAD_REQUEST, f"the request is not a JSON object: {error}"
        ) from error
    if is_too_deep(body, request):
        raise BackendError(FailCode.BAD_REQUEST, "the request is nested too deeply")
    return request
