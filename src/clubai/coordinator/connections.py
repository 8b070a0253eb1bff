"""What a node's and a client's connection have in common: how they run and end.

Nobody but the connection's own task touches its stream; everyone else posts to its
postbox.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import anyio
from anyio.abc import ObjectStream

from clubai.coordinator.limits import Meter, Weighed
from clubai.errors import RemoteProtocolError
from clubai.protocol.codec import (
    encode,
)
from clubai.protocol.messages import (
    CloseCode,
    Goodbye,
    Message,
)
from clubai.transport.postbox import Postbox, QueuedBytes

logger = logging.getLogger(__name__)


class Bounds(NamedTuple):
    """What one connection may cost."""

    meter: Meter
    queue_bytes: int
    """Waiting to be sent on it."""
    queued: QueuedBytes
    """Waiting to be sent on all connections together."""


class Connection:
    """What both kinds of connection have: a stream, an postbox, a way to end.

    Without `bounds` it is one of our own, such as a gateway's in this process.
    """

    def __init__(
        self, stream: ObjectStream[bytes], bounds: Bounds | None = None
    ) -> None:
        self.stream = stream
        self._meter = bounds and bounds.meter
        self.postbox = (
            Postbox(stream, max_bytes=bounds.queue_bytes, shared=bounds.queued)
            if bounds
            else Postbox(stream)
        )
        self.goodbye: Goodbye | None = None
        """Why this side ended it."""

    def end(self, goodbye: Goodbye) -> None:
        """Say why, send what is queued, and close; only the first call counts."""
        if self.goodbye is None:
            self.goodbye = goodbye
            self.postbox.close(encode(goodbye))

    def say(self, message: Message) -> None:
        """Post a message, or end the connection when there is no room for it."""
        if not self.postbox.post(encode(message)):
            self.end(Goodbye(code=CloseCode.TOO_SLOW, reason="messages were not read"))

    def has_room(self, message: Message, frame: bytes, now: float) -> bool:
        """Weigh what the peer says; False: this request or record is to be given up.

        Raises:
            RemoteProtocolError: it says so much that the connection is to end.
        """
        if self._meter is None:
            return True
        weighed = self._meter.weigh(message, len(frame), now)
        if weighed is Weighed.END:
            raise RemoteProtocolError(
                CloseCode.TOO_MANY, "more was sent than one connection may send"
            )
        return weighed is Weighed.TAKE

    @property
    def retry_after_s(self) -> float:
        """How long a request that was given up should wait."""
        return self._meter.retry_after_s if self._meter else 0.0

    async def hold(self, read: Callable[[], Awaitable[None]]) -> None:
        """Run the writer beside `read` until either side ends the connection."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._write, tasks.cancel_scope)
            try:
                await read()
            except RemoteProtocolError as error:
                # Its reason may quote what the peer sent.
                logger.info("a peer broke the protocol: code %d", error.code)
                self.end(Goodbye(code=error.code, reason=error.reason))
            except (
                anyio.EndOfStream,
                anyio.BrokenResourceError,
                anyio.ClosedResourceError,
            ):
                tasks.cancel_scope.cancel()

    async def _write(self, scope: anyio.CancelScope) -> None:
        try:
            await self.postbox.run()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        finally:
            scope.cancel()


def login_late(seconds: float) -> RemoteProtocolError:
    """What to raise when a connection does not begin in time."""
    return RemoteProtocolError(
        CloseCode.LOGIN_LATE, f"the connection did not begin within {seconds:g} s"
    )
