"""The executor: runs one assignment on the backend and sends its answer."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, assert_never

import anyio
import msgspec

from clubai.agent.backends.base import Backend, Embeddings, UsageReport
from clubai.agent.batching import Flowing, Steady, Whole
from clubai.agent.reply import Reply
from clubai.errors import (
    BackendError,
    ConnectionLost,
    LocalProtocolError,
    lone_errors,
)
from clubai.model import FailCode
from clubai.protocol.assignment import Assigned
from clubai.protocol.decoding import UNREADABLE, decoded_bytes, is_too_deep
from clubai.protocol.records import Choice, cut

logger = logging.getLogger(__name__)

Steps = Flowing | Steady | Whole

MAX_DECODED_BYTES = 1 << 30
"""Of one request in memory: several times what the longest text takes."""

_body_decoder: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(
    dict[str, Any]
)


async def execute(
    assigned: Assigned,
    body: bytes,
    *,
    backend: Backend,
    reply: Reply,
    timeout_s: float,
) -> FailCode | None:
    """Run one assignment to its end; every end is told to the coordinator.

    Cancelling it stops the backend's work and says nothing. Gives the failure, if
    it failed.
    """
    try:
        return await _run(assigned, body, backend, reply, timeout_s)
    except ConnectionLost:
        logger.debug("the coordinator is gone: the answer has nowhere to go")
        return FailCode.CANCELLED


async def _run(
    assigned: Assigned, body: bytes, backend: Backend, reply: Reply, timeout_s: float
) -> FailCode | None:
    try:
        with anyio.fail_after(min(timeout_s, assigned.deadline_s)):
            await reply.finish(await _answer(assigned, body, backend, reply))
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
    assigned: Assigned, body: bytes, backend: Backend, reply: Reply
) -> UsageReport:
    request = decode_request(body)
    usage: UsageReport | None = None
    async with (
        backend.run(assigned.kind, assigned.model, request) as pieces,
        _steps(assigned, reply) as steps,
    ):
        async for piece in pieces:
            reply.first()
            match piece:
                case Choice():
                    reply.note(piece)
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
        await steps.finish()
    return usage


@asynccontextmanager
async def _steps(assigned: Assigned, reply: Reply) -> AsyncIterator[Steps]:
    if not assigned.stream:
        yield Whole(reply.data)
        return
    timed = (
        Steady(reply.data, reply.keep_alive) if reply.steady else Flowing(reply.data)
    )
    with lone_errors():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(timed.run)
            yield timed
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
