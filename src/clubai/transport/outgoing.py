"""Bytes on their way out of one connection: bounded, in order, never torn.

A sender waits for room *before* its bytes are taken. Once taken they go out whole, in
order: cancelling a sender cannot leave half a frame on the wire, and never costs the
connection. The connection's own task writes them, or at once whoever can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

from clubai.transport.bell import Bell

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HIGH_WATER_BYTES: Final = 1 << 16


class Outgoing:
    """Holds at most `HIGH_WATER_BYTES` and one item more.

    What `soon` takes is not held at all: it says False when it cannot.
    """

    def __init__(self, soon: Callable[[bytes], bool] | None = None) -> None:
        self._soon = soon
        self._items: list[bytes] = []
        self._size = 0
        self._closed = False
        self._turn = anyio.Lock()
        self._filled = Bell()
        self._written = anyio.Event()

    @property
    def closed(self) -> bool:
        """Whether nothing more will be taken or written."""
        return self._closed

    @property
    def busy(self) -> bool:
        """Whether something is still to be written."""
        return self._size > 0

    async def put(self, item: bytes) -> None:
        """Take `item`, after waiting for room and for one's turn.

        Raises:
            BrokenResourceError: the connection is gone; `item` was not taken.
        """
        if self._size >= HIGH_WATER_BYTES or self._turn.locked():
            async with self._turn:
                while self._size >= HIGH_WATER_BYTES and not self._closed:
                    await self._next_write()
                self._append(item)
        else:
            self._append(item)

    async def pump(self, write: Callable[[list[bytes]], Awaitable[None]]) -> None:
        """Hand what was put to `write`, until `close` is called or `write` raises."""
        try:
            while True:
                while not self._items and not self._closed:
                    await self._filled.wait()
                if self._closed:
                    return
                items, self._items = self._items, []
                taken = self._size
                await write(items)
                del items  # they may be an answer, and the next may be long in coming
                self._size -= taken
                self._written.set()
        finally:
            self.close()

    async def flush(self) -> None:
        """Wait until what was put is written, or never will be."""
        while self._size and not self._closed:
            await self._next_write()

    def close(self) -> None:
        """Take nothing more and forget what is not written."""
        self._closed = True
        self._items.clear()
        self._filled.ring()
        self._written.set()

    async def _next_write(self) -> None:
        if self._written.is_set():
            self._written = anyio.Event()
        await self._written.wait()

    def _append(self, item: bytes) -> None:
        if self._closed:
            raise anyio.BrokenResourceError
        if self._soon is not None and not self._size and self._soon(item):
            return
        self._items.append(item)
        self._size += len(item)
        self._filled.ring()
