"""Taking every message of a stream, pushed where the stream can push."""

from __future__ import annotations

from collections.abc import Callable

from anyio.abc import ObjectStream

from clubai.transport.asgi import WebSocketStream
from clubai.transport.memory import MemoryStream


async def each_frame(
    stream: ObjectStream[bytes], take: Callable[[bytes], None]
) -> None:
    """Hand every message to `take`, in order, until the stream ends or `take` raises.

    Inside one process a message is taken while it is sent, and over a WebSocket that
    this program accepted while it is read, without waking a task.

    Raises:
        EndOfStream, BrokenResourceError, ClosedResourceError: the stream ended.
        Exception: what `take` raised.
    """
    if isinstance(stream, MemoryStream | WebSocketStream):
        await stream.push_to(take)
    while True:
        take(await stream.receive())
