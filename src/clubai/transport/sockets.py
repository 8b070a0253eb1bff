"""An accepted socket: what the server needs of one, on either event loop.

Under trio this is anyio's stream. Under asyncio it is a protocol of our own
(`socket_asyncio`), because most of what a coordinator does is to wake for a few hundred
bytes and to write a few hundred.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from anyio.abc import SocketAttribute
from anyio.lowlevel import current_token

if TYPE_CHECKING:
    import socket

    from anyio.abc import Listener, SocketStream

READ_BYTES: Final = 1 << 16
Address = tuple[str, int]


class Socket(Protocol):
    """One connection: one task reads it, one writes."""

    @property
    def raw(self) -> socket.socket:
        """For options; neither read from nor written to."""

    @property
    def remote(self) -> Address | None:
        """Host and port of the peer; None when it is gone already."""

    @property
    def local(self) -> Address | None:
        """Host and port here; None when the peer is gone already."""

    @property
    def behind_since(self) -> float:
        """Since when, in monotonic seconds, something waits that was to be written.

        Infinite when nothing does.
        """

    async def receive(self) -> bytes:
        """Some bytes, as they come; at least one.

        Raises:
            EndOfStream: the peer will send no more.
            BrokenResourceError, ClosedResourceError: the connection is gone.
        """

    def write_soon(self, data: bytes) -> bool:
        """Have bytes written before the loop waits again, with others of this turn.

        False, and nothing taken, when the peer is behind or this socket cannot: then
        `send`.
        """

    async def send(self, data: bytes) -> None:
        """Write bytes, after what was to be written soon; waits for a slow peer.

        Raises:
            BrokenResourceError, ClosedResourceError: the connection is gone.
        """

    async def flush(self) -> None:
        """Wait until what was to be written soon is taken, or never will be."""

    async def send_eof(self) -> None:
        """Tell the peer that no more will come, if it is there."""

    async def aclose(self) -> None:
        """Close at once, without waiting for the peer."""


async def accept(listener: Listener[SocketStream]) -> Socket:
    """Accept the next connection.

    Raises:
        OSError, BrokenResourceError: it is gone again, or there is no file left for it.
    """
    if isinstance(current_token().native_token, asyncio.AbstractEventLoop):
        from clubai.transport import socket_asyncio

        return await socket_asyncio.accept(
            listener.extra(SocketAttribute.raw_socket)  # noqa: S610 - no Django here
        )
    accepting: Any = listener
    return StreamSocket(await accepting.accept())


class StreamSocket:
    """A `Socket` by anyio's stream; it never writes soon."""

    behind_since = math.inf

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream

    @property
    def raw(self) -> socket.socket:
        """For options."""
        found: socket.socket = self._attribute(SocketAttribute.raw_socket)
        return found

    @property
    def remote(self) -> Address | None:
        """Host and port of the peer."""
        return self._address(SocketAttribute.remote_address)

    @property
    def local(self) -> Address | None:
        """Host and port here."""
        return self._address(SocketAttribute.local_address)

    async def receive(self) -> bytes:
        """Some bytes."""
        return await self._stream.receive(READ_BYTES)

    def write_soon(self, _: bytes) -> bool:
        """Never."""
        return False

    async def flush(self) -> None:
        """Nothing."""

    async def send(self, data: bytes) -> None:
        """Write bytes."""
        await self._stream.send(data)

    async def send_eof(self) -> None:
        """Tell the peer that no more will come."""
        with suppress(OSError):  # gone already
            await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close at once."""
        await self._stream.aclose()

    def _attribute(self, which: Any) -> Any:
        return self._stream.extra_attributes[which]()

    def _address(self, which: Any) -> Address | None:
        try:
            return as_address(self._attribute(which))
        except (OSError, KeyError):  # gone already
            return None


def as_address(name: Any) -> Address | None:
    """The name that the system gives a socket; None for one of another kind."""
    return (name[0], name[1]) if isinstance(name, tuple) else None
