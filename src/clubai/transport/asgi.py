"""The accepting end of a WebSocket, over any ASGI server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from clubai.protocol.messages import MAX_MESSAGE_BYTES, CloseCode
from clubai.transport.base import (
    ABNORMAL_CLOSURE,
    CLOSE_TIMEOUT_S,
    NORMAL_CLOSURE,
    MessageStream,
    ending,
)
from clubai.transport.inbox import INBOX, Inbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message
    from starlette.websockets import WebSocket

_REASON_BYTES = 123
"""What a close frame holds beside its code."""


class WebSocketStream(MessageStream):
    """Binary messages over an accepted WebSocket.

    A text message ends the connection: nothing in the protocol is text.
    """

    def __init__(
        self, websocket: WebSocket, *, max_message_bytes: int = MAX_MESSAGE_BYTES
    ) -> None:
        """Take over `websocket`, on which `accept` was called."""
        super().__init__(max_message_bytes)
        # The framework's own methods only check again, per message, what this class
        # keeps track of.
        self._raw_send = websocket._send
        self._raw_receive = websocket._receive
        self._inbox: Inbox | None = websocket.scope.get("extensions", {}).get(INBOX)
        self._closed = False
        self._ended: anyio.EndOfStream | anyio.BrokenResourceError | None = None

    async def send(self, item: bytes) -> None:
        """Send one message."""
        if len(item) > self._max_message_bytes:
            self._check_size(item)
        if self._closed:
            raise anyio.ClosedResourceError
        if self._ended is not None:
            raise anyio.BrokenResourceError
        try:
            await self._raw_send({"type": "websocket.send", "bytes": item})
        except OSError as error:
            raise anyio.BrokenResourceError from error

    async def receive(self) -> bytes:
        """Receive the next message."""
        if self._closed:
            raise anyio.ClosedResourceError
        if self._ended is not None:
            raise self._ended
        message = await self._raw_receive()
        if message["type"] == "websocket.receive":
            data: bytes | None = message.get("bytes")
            if data is None:
                raise await self._refuse(CloseCode.BAD_MESSAGE, "text is not spoken")
            if len(data) > self._max_message_bytes:
                raise await self._refuse(CloseCode.TOO_BIG, "too big")
            return data
        if self._closed:
            raise anyio.ClosedResourceError
        code = message.get("code", ABNORMAL_CLOSURE)
        self._ended = ending(code, message.get("reason") or "")
        raise self._ended

    async def push_to(self, take: Callable[[bytes], None]) -> None:
        """Have messages handed to `take` as they are read, where the server can.

        Returns, and leaves the rest to `receive`, when something else has come: the
        end, or what is refused. Raises what `take` raised.
        """
        most = self._max_message_bytes

        def take_message(message: Message) -> bool:
            data = message.get("bytes")
            if self._closed or data is None or len(data) > most:
                return False
            take(data)
            return True

        if self._inbox is not None and not self._closed and self._ended is None:
            await self._inbox.push_to(take_message)

    async def aclose(self) -> None:
        """Close, without waiting for a peer that does not read."""
        await self.close_with(NORMAL_CLOSURE, "")

    async def close_with(self, code: int, reason: str) -> None:
        """Close and say why. Like `aclose` for everything else."""
        if self._closed:
            return
        self._closed = True
        if self._ended is None:
            await self._say_close(code, reason)

    async def _refuse(self, code: int, reason: str) -> anyio.BrokenResourceError:
        self._ended = anyio.BrokenResourceError(f"refused with code {code}: {reason}")
        await self._say_close(code, reason)
        return self._ended

    async def _say_close(self, code: int, reason: str) -> None:
        short = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
        message = {"type": "websocket.close", "code": code, "reason": short}
        with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
            try:
                await self._raw_send(message)
            except (OSError, RuntimeError):
                # Gone already, or (RuntimeError) closed by whoever accepted it.
                return
