"""Snapshots as server-sent events, for as long as somebody reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import anyio
import msgspec
from starlette.types import Receive, Scope, Send

PING_SECONDS: Final = 15.0

_HEADERS: Final = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class EventStream:
    """A response that ends with its reader, or with the snapshots."""

    def __init__(
        self,
        snapshots: AsyncIterator[msgspec.Struct],
        *,
        ping_s: float = PING_SECONDS,
    ) -> None:
        self._snapshots = snapshots
        self._ping_s = ping_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        start = {"type": "http.response.start", "status": 200, "headers": _HEADERS}
        await send(start)
        gone = anyio.Event()
        if scope["method"] != "HEAD":
            await self._send_snapshots(receive, send, gone)
        if not gone.is_set():
            await _send_part(send, b"", more=False)

    async def _send_snapshots(
        self, receive: Receive, send: Send, gone: anyio.Event
    ) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until_disconnect, receive, gone, tasks.cancel_scope)
            tasks.start_soon(self._ping, send)
            async for snapshot in self._snapshots:
                data = b"data: " + msgspec.json.encode(snapshot) + b"\n\n"
                await _send_part(send, data)
            tasks.cancel_scope.cancel()

    async def _ping(self, send: Send) -> None:
        while True:
            await anyio.sleep(self._ping_s)
            await _send_part(send, b": ping\n\n")


async def _until_disconnect(
    receive: Receive, gone: anyio.Event, scope: anyio.CancelScope
) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    gone.set()
    scope.cancel()


async def _send_part(send: Send, data: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})
