"""An accepted socket under asyncio: what comes is kept, what goes is written at once.

Each write of anyio's stream yields twice, and each read stops and starts the reading.
Here a read costs one wake, and the writes of one turn of the loop cost one system call
and no task.
"""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections import deque
from contextlib import suppress
from typing import Final, cast

import anyio

from clubai.transport.bell import Bell
from clubai.transport.sockets import Address, as_address

SOON_BYTES: Final = 1 << 16
"""Of one turn of the loop; more has to be sent."""


async def accept(listening: socket.socket) -> AsyncioSocket:
    """Accept the next connection of a socket that listens.

    Raises:
        OSError: it is gone again, or there is no file left for it.
    """
    loop = asyncio.get_running_loop()
    try:
        accepted, _ = await loop.sock_accept(listening)
    except asyncio.CancelledError:
        # asyncio's own loop goes on watching (python/cpython#85489).
        with suppress(ValueError, NotImplementedError):
            loop.remove_reader(listening)
        raise
    try:
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _, made = await loop.connect_accepted_socket(AsyncioSocket, accepted)
    except BaseException:  # cancelled, too: nobody else knows of the socket yet
        accepted.close()
        raise
    return made


class AsyncioSocket(asyncio.Protocol):
    """See `sockets.Socket`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self.raw: socket.socket
        self.remote: Address | None = None
        self.local: Address | None = None
        self._came: deque[bytes] = deque()
        self._heard = Bell()
        self._resting = False
        """Reading is paused: what came was not yet taken."""
        self._ended = False
        self._broke: Exception | None = None
        self._soon: list[bytes] = []
        self._soon_bytes = 0
        self._taken = anyio.Event()
        """Set once the peer has caught up, when it is behind."""
        self.behind_since = math.inf
        self._said_all = False
        """The peer was told that no more will come."""
        self._closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: by asyncio."""
        # uvloop's transports have the methods of asyncio.Transport, not the class
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(0)
        # Asked now: a transport that was lost does not know them any more.
        self.raw = cast("socket.socket", transport.get_extra_info("socket"))
        self.remote = _named(transport, "peername")
        self.local = _named(transport, "sockname")

    def data_received(self, data: bytes) -> None:
        """Keep what came: by asyncio."""
        if self._came and not self._resting:
            self._resting = True
            self._transport.pause_reading()
        self._came.append(data)
        self._heard.ring()

    def eof_received(self) -> bool:
        """The peer sends no more, and may still read: by asyncio."""
        self._ended = True
        self._heard.ring()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone: by asyncio."""
        self._ended = True
        self._broke = exc
        self._heard.ring()
        self.resume_writing()

    def pause_writing(self) -> None:
        """The system did not take all that was written: by asyncio."""
        self.behind_since = time.monotonic()
        self._taken = anyio.Event()

    def resume_writing(self) -> None:
        """It has taken the rest, or never will: by asyncio."""
        self.behind_since = math.inf
        self._taken.set()

    async def receive(self) -> bytes:
        """Some bytes."""
        # asyncio cancels nobody whom the next bytes have just woken: who is told to end
        # in front of a peer that never rests would not.
        await anyio.lowlevel.checkpoint_if_cancelled()
        while not self._came:
            if self._closed:
                raise anyio.ClosedResourceError
            if self._broke is not None:
                raise anyio.BrokenResourceError from self._broke
            if self._ended:
                raise anyio.EndOfStream
            await self._heard.wait()
        data = self._came.popleft()
        if self._resting and not self._came:
            self._resting = False
            self._transport.resume_reading()
        return data

    def write_soon(self, data: bytes) -> bool:
        """Have bytes written before the loop waits again."""
        size = self._soon_bytes + len(data)
        if self._is_behind or size > SOON_BYTES or self._is_gone:
            return False
        if not self._soon:
            self._loop.call_soon(self._write)
        self._soon.append(data)
        self._soon_bytes = size
        return True

    async def send(self, data: bytes) -> None:
        """Write bytes, waiting for a slow peer."""
        await self.flush()
        self._check()
        self._transport.write(data)
        await self.flush()
        self._check()

    async def flush(self) -> None:
        """Wait until what was to be written soon is taken, or never will be."""
        self._write()
        if self._is_behind:
            await self._taken.wait()

    async def send_eof(self) -> None:
        """Tell the peer that no more will come."""
        self._write()
        self._said_all = True
        with suppress(OSError, RuntimeError):  # gone already
            self._transport.write_eof()

    async def aclose(self) -> None:
        """Close at once."""
        self._write()
        self._closed = True
        self._transport.abort()
        self._heard.ring()
        self.resume_writing()
        await anyio.lowlevel.checkpoint()

    @property
    def _is_behind(self) -> bool:
        return self.behind_since < math.inf

    @property
    def _is_gone(self) -> bool:
        return self._closed or self._said_all or self._transport.is_closing()

    def _check(self) -> None:
        if self._closed:
            raise anyio.ClosedResourceError
        if self._broke is not None or self._is_gone:
            raise anyio.BrokenResourceError from self._broke

    def _write(self) -> None:
        if not self._soon:
            return
        pieces, self._soon, self._soon_bytes = self._soon, [], 0
        if not self._is_gone:
            data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            self._transport.write(data)


def _named(transport: asyncio.BaseTransport, which: str) -> Address | None:
    try:
        return as_address(transport.get_extra_info(which))
    except (OSError, AttributeError):  # gone already; the latter is uvloop's
        return None
