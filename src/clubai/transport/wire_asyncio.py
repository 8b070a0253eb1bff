"""A dialled WebSocket under asyncio, by the websockets library."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
)

from clubai.transport.base import CLOSE_TIMEOUT_S, ending
from clubai.transport.target import Refusal, Target, refusal

if TYPE_CHECKING:
    from websockets.typing import Subprotocol

_QUEUED_FRAMES: Final = 8

_quiet = logging.getLogger("clubai.transport.websockets")


class _NoRedirect(connect):
    """Follows nothing: a token is for the host that was named."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _AsyncioWire:
    """See `websocket.Wire`."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.subprotocol: str | None = connection.subprotocol

    async def send(self, items: list[bytes]) -> None:
        try:
            for item in items:
                await self._connection.send(item)
        except ConnectionClosed as error:
            raise _ended(error) from error

    async def receive(self) -> bytes:
        try:
            message = await self._connection.recv()
        except ConnectionClosed as error:
            raise _ended(error) from error
        if isinstance(message, str):
            with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
                await self._connection.close(4002, "text is not spoken")
            raise anyio.BrokenResourceError("the peer sent text")
        return message

    async def close(self) -> None:
        await self._connection.close()

    async def abort(self) -> None:
        self._connection.transport.abort()
        await self._connection.wait_closed()


async def dial(target: Target) -> _AsyncioWire:
    """Open a connection; raises `Refusal` and `OSError`."""
    # At DEBUG the library logs the headers that it sends, the token among them.
    _quiet.setLevel(logging.WARNING)
    scheme = "wss" if target.secure else "ws"
    subprotocols: list[Subprotocol] = [*target.subprotocols]  # type: ignore[list-item]
    try:
        return _AsyncioWire(
            await _NoRedirect(
                f"{scheme}://{target.netloc}{target.resource}",
                subprotocols=subprotocols or None,
                additional_headers=target.headers,
                user_agent_header=None,
                compression=None,
                proxy=None,
                open_timeout=None,
                ping_interval=None,
                close_timeout=CLOSE_TIMEOUT_S,
                max_size=target.max_message_bytes,
                max_queue=_QUEUED_FRAMES,
                logger=_quiet,
            )
        )
    except InvalidStatus as error:
        raise refusal(error.response.status_code, bytes(error.response.body)) from None
    except InvalidURI:
        raise Refusal("it is not an address") from None
    except (InvalidHandshake, EOFError):
        # Their texts may quote headers.
        raise Refusal("what answers there is not a WebSocket") from None


def _ended(error: ConnectionClosed) -> anyio.EndOfStream | anyio.BrokenResourceError:
    if error.rcvd is None or error.rcvd_then_sent is False:
        code = f" (we sent {error.sent.code})" if error.sent else ""
        return anyio.BrokenResourceError(f"the connection broke{code}")
    return ending(error.rcvd.code, error.rcvd.reason)
