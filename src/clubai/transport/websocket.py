"""Dials a WebSocket: trio-websocket under trio, websockets under asyncio.

What differs between the two libraries lives in `wire_trio` and `wire_asyncio`, loaded
when needed; what a caller may rely on lives here.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import anyio
from anyio.lowlevel import current_token

from clubai.errors import ConnectFailed
from clubai.protocol.messages import MAX_MESSAGE_BYTES, SUBPROTOCOL
from clubai.transport.base import (
    CLOSE_TIMEOUT_S,
    SEND_TIMEOUT_S,
    MessageStream,
    background_tasks,
)
from clubai.transport.outgoing import Outgoing
from clubai.transport.target import Refusal, Target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import TaskGroup

_SCHEMES = {"ws": "ws", "http": "ws", "wss": "wss", "https": "wss"}


class Wire(Protocol):
    """One open connection of either library.

    `send` and `receive` raise only `EndOfStream` and `BrokenResourceError`.
    """

    subprotocol: str | None

    async def send(self, items: list[bytes]) -> None:
        """Write messages, together if it can; called by one task only."""

    async def receive(self) -> bytes:
        """Read one message; called by one task only."""

    async def close(self) -> None:
        """Do the closing handshake; may wait for the peer for ever."""

    async def abort(self) -> None:
        """Drop the connection now, without waiting for the peer."""


class DialledStream(MessageStream):
    """A `Wire` behind the seam: bounded, cancellable, closed in bounded time."""

    def __init__(self, wire: Wire, max_message_bytes: int) -> None:
        super().__init__(max_message_bytes)
        self._wire = wire
        self._outgoing = Outgoing()
        self._closed = False

    async def send(self, item: bytes) -> None:
        """Send one message, waiting while the peer is behind."""
        await self.send_many([item])

    async def send_many(self, items: list[bytes]) -> None:
        """Send messages that may share a packet."""
        for item in items:
            self._check_size(item)
        if self._closed:
            raise anyio.ClosedResourceError
        await anyio.lowlevel.checkpoint()
        try:
            for item in items:
                await self._outgoing.put(item)
        except anyio.BrokenResourceError:
            if self._closed:
                raise anyio.ClosedResourceError from None
            raise

    async def receive(self) -> bytes:
        """Receive the next message."""
        if self._closed:
            raise anyio.ClosedResourceError
        try:
            return await self._wire.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            if self._closed:
                raise anyio.ClosedResourceError from None
            self._outgoing.close()
            raise

    async def write_out(self) -> None:
        """Write what is sent, until closed or until the peer takes nothing."""
        # Shielded, for a cancelled caller closes, and only then is this to end.
        with anyio.CancelScope(shield=True):
            try:
                await self._outgoing.pump(self._write)
            except (anyio.EndOfStream, anyio.BrokenResourceError, TimeoutError):
                await self._wire.abort()

    async def aclose(self) -> None:
        """Send what is queued, close, and give up waiting after a bound."""
        if self._closed:
            return
        self._closed = True
        with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
            await self._outgoing.flush()
            self._outgoing.close()
            await self._wire.close()
        self._outgoing.close()
        with anyio.CancelScope(shield=True):
            await self._wire.abort()

    async def _write(self, items: list[bytes]) -> None:
        with anyio.fail_after(SEND_TIMEOUT_S):
            await self._wire.send(items)


@asynccontextmanager
async def open_websocket(
    url: str,
    *,
    token: str = "",
    subprotocol: str = SUBPROTOCOL,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    connect_timeout: float = 10.0,
) -> AsyncIterator[DialledStream]:
    """Dial `url` (`ws`, `wss`, or the `http` and `https` they are made from).

    No proxy is used and no redirect followed: `token` reaches only the host that was
    named. It is sent as a bearer token and appears in no error and no log.

    Raises:
        ConnectFailed: with the HTTP status, if the other side refused the upgrade.
    """
    target = _target(url, token, subprotocol, max_message_bytes)
    async with background_tasks() as tasks:
        wire = await _connect(target, connect_timeout, tasks)
        stream = DialledStream(wire, max_message_bytes)
        tasks.start_soon(stream.write_out)
        try:
            yield stream
        finally:
            await stream.aclose()


async def _connect(target: Target, timeout: float, tasks: TaskGroup) -> Wire:
    try:
        with anyio.fail_after(timeout):
            wire = await _dial(target, tasks)
    except TimeoutError:
        reason = f"no answer within {timeout:g} seconds"
        raise ConnectFailed(target.shown, reason) from None
    except Refusal as refusal:
        raise ConnectFailed(target.shown, refusal.reason, refusal.status) from None
    except OSError as error:
        raise ConnectFailed(target.shown, str(error) or type(error).__name__) from error
    if target.subprotocol and wire.subprotocol != target.subprotocol:
        with anyio.CancelScope(shield=True):
            await wire.abort()
        reason = f"it does not speak {target.subprotocol}"
        raise ConnectFailed(target.shown, reason)
    return wire


async def _dial(target: Target, tasks: TaskGroup) -> Wire:
    if isinstance(current_token().native_token, asyncio.AbstractEventLoop):
        from clubai.transport.wire_asyncio import dial as dial_asyncio

        return await dial_asyncio(target)
    from clubai.transport.wire_trio import dial as dial_trio

    return await dial_trio(target, tasks)


def _target(url: str, token: str, subprotocol: str, max_message_bytes: int) -> Target:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ConnectFailed("the given address", "it is not an address") from None
    shown_host = f"[{host}]" if ":" in host else host
    netloc = shown_host if port is None else f"{shown_host}:{port}"
    shown = f"{parts.scheme}://{netloc}{parts.path}"
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None or not host:
        raise ConnectFailed(shown, "an address begins with ws://host or wss://host")
    if parts.username is not None:
        raise ConnectFailed(shown, "credentials do not belong into an address")
    if not (token.isascii() and token.isprintable()):
        raise ConnectFailed(shown, "the token is not plain printable ASCII")
    resource = parts.path or "/"
    return Target(
        host=host,
        port=port or (443 if scheme == "wss" else 80),
        secure=scheme == "wss",
        netloc=netloc,
        resource=f"{resource}?{parts.query}" if parts.query else resource,
        shown=shown,
        token=token,
        subprotocol=subprotocol,
        max_message_bytes=max_message_bytes,
    )
