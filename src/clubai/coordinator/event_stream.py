"""Server-sent events, for as long as somebody reads them, and takes them in time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final, Generic, TypeVar

import anyio
import msgspec
from starlette.types import Receive, Scope, Send

T = TypeVar("T")

PING_SECONDS: Final = 15.0
TAKE_SECONDS: Final = 30.0
"""How long a reader may take for one piece."""

_HEADERS: Final = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class EventStream(Generic[T]):
    """A response that ends with its reader, or with what is sent."""

    def __init__(
        self,
        things: AsyncIterator[T],
        frame: Callable[[T], bytes],
        *,
        ping_s: float = PING_SECONDS,
        take_s: float = TAKE_SECONDS,
    ) -> None:
        self._things = things
        self._frame = frame
        self._ping_s = ping_s
        self._take_s = take_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        start = {"type": "http.response.start", "status": 200, "headers": _HEADERS}
        await send(start)
        gone = anyio.Event()
        if scope["method"] != "HEAD":
            await self._send_things(receive, send, gone)
        if not gone.is_set():
            await _send_part(send, b"", more=False)

    async def _send_things(
        self, receive: Receive, send: Send, gone: anyio.Event
    ) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until_disconnect, receive, gone, tasks.cancel_scope)
            tasks.start_soon(self._ping, send)
            async for thing in self._things:
                with anyio.move_on_after(self._take_s) as taking:
                    await _send_part(send, self._frame(thing))
                if taking.cancelled_caught:  # it is cut off in the midst of a piece
                    gone.set()
                    break
            tasks.cancel_scope.cancel()

    async def _ping(self, send: Send) -> None:
        while True:
            await anyio.sleep(self._ping_s)
            await _send_part(send, b": ping\n\n")


def data_frame(struct: msgspec.Struct) -> bytes:
    """One server-sent event without a name."""
    return b"data: " + msgspec.json.encode(struct) + b"\n\n"


async def _until_disconnect(
    receive: Receive, gone: anyio.Event, scope: anyio.CancelScope
) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    gone.set()
    scope.cancel()


async def _send_part(send: Send, data: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})
