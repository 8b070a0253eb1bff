"""What one request's application is still to receive from the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    Message = MutableMapping[str, Any]


class Inbox:
    """At most `limit` messages; the disconnect always fits, and stays.

    A full inbox holds the connection's reader back, and with it the peer.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: list[Message] = []
        self._disconnect: Message | None = None
        self._closed = False
        self._arrived: anyio.Event | None = None
        self._taken: anyio.Event | None = None

    async def put(self, message: Message) -> None:
        """Add a message, waiting for room; dropped when nobody will receive it."""
        if message["type"].endswith(".disconnect"):
            self._disconnect = message
            self._wake()
            return
        while len(self._items) >= self._limit and not self._over:
            self._taken = anyio.Event()
            await self._taken.wait()
        if not self._over:
            self._items.append(message)
            self._wake()

    async def receive(self) -> Message:
        """Return the next message; the disconnect is returned again and again."""
        while not self._items:
            if self._disconnect is not None:
                await anyio.lowlevel.checkpoint()
                return self._disconnect
            self._arrived = anyio.Event()
            await self._arrived.wait()
        if self._taken is not None:
            self._taken.set()
        return self._items.pop(0)

    def close(self) -> None:
        """Nobody will receive any more: let go of whoever waits to put."""
        self._closed = True
        self._wake()

    @property
    def _over(self) -> bool:
        return self._closed or self._disconnect is not None

    def _wake(self) -> None:
        if self._arrived is not None:
            self._arrived.set()
        if self._over and self._taken is not None:
            self._taken.set()
