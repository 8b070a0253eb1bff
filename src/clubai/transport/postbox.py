"""A bounded queue in front of a stream, so that nobody waits for a slow peer.

`post` never waits: it says whether there was room. One task (`run`) sends. The stream
itself gives up a peer that takes nothing.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import anyio
from anyio.abc import ObjectStream

from clubai.transport.base import MessageStream
from clubai.transport.bell import Bell
from clubai.transport.memory import MemoryStream

MAX_QUEUED_BYTES: Final = 16 << 20
MAX_QUEUED_MESSAGES: Final = 4096
LOW_WATER_BYTES: Final = 1 << 20
LOW_WATER_MESSAGES: Final = 64
_SHARE_FOR_CONTROL: Final = 8
"""One part in so many of the room is left free by `post_data`."""


class QueuedBytes:
    """What several postboxes hold together, and may hold at most."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0


class Postbox:
    """What is still to be sent on one stream, in order.

    A frame that a `MemoryStream` can take at once does not pass through the queue.
    """

    def __init__(
        self,
        stream: ObjectStream[bytes],
        *,
        max_bytes: int = MAX_QUEUED_BYTES,
        max_messages: int = MAX_QUEUED_MESSAGES,
        shared: QueuedBytes | None = None,
    ) -> None:
        self._stream = stream
        self._direct = stream if isinstance(stream, MemoryStream) else None
        self._max_bytes = max_bytes
        self._max_messages = max_messages
        self._data_bytes = max_bytes - max_bytes // _SHARE_FOR_CONTROL
        self._data_messages = max_messages - max_messages // _SHARE_FOR_CONTROL
        self._shared = QueuedBytes(max_bytes) if shared is None else shared
        self._queue: deque[bytes] = deque()
        self._count = 0
        self._bytes = 0
        """Of what is queued, and of what is being sent."""
        self._sending = False
        self._wake = Bell()
        self._room = anyio.Event()
        self._closing = False
        self._stopped = False

    def post(self, frame: bytes) -> bool:
        """Queue one frame; False, and nothing queued, when there is no room."""
        if self._closing or self._stopped:
            return False
        if self._direct is not None and not self._queue and not self._sending:
            if self._send_directly(self._direct, frame):
                return True
            if self._stopped:
                return False
        if not self._fits(frame):
            return False
        self._enqueue(frame)
        self._wake.ring()
        return True

    def post_data(self, frame: bytes) -> bool:
        """Like `post`, for what may be given up: it leaves room for what may not."""
        if self._count and (
            self._count >= self._data_messages
            or self._bytes + len(frame) > self._data_bytes
        ):
            return False
        return self.post(frame)

    async def room(self) -> None:
        """Wait until little is queued, or nothing more will be sent."""
        while self._much_is_queued and not self._stopped:
            await self._room.wait()

    @property
    def stopped(self) -> bool:
        """Whether nothing more will be taken."""
        return self._stopped or self._closing

    def close(self, last: bytes | None = None) -> None:
        """Take nothing more; `run` sends `last` after what is queued, and returns."""
        if self._closing:
            return
        if last is not None:
            self._enqueue(last)
        self._closing = True
        self._wake.ring()

    async def run(self) -> None:
        """Send until closed and empty.

        Raises:
            anyio.BrokenResourceError, anyio.ClosedResourceError: the stream is gone;
                a WebSocket is when its peer takes nothing for a while.
        """
        try:
            while True:
                while self._queue:
                    await self._send_queued()
                if self._stopped:
                    raise anyio.BrokenResourceError
                if self._closing:
                    return
                await self._wake.wait()
        finally:
            self._stopped = True
            self._shared.held -= self._bytes
            self._bytes = 0
            self._wake_waiting()

    async def _send_queued(self) -> None:
        frames = list(self._queue)
        self._queue.clear()
        self._sending = True
        if isinstance(self._stream, MessageStream):
            await self._stream.send_many(frames)
            self._note_sent(*frames)
        else:
            for frame in frames:
                await self._stream.send(frame)
                self._note_sent(frame)
        self._sending = False

    def _enqueue(self, frame: bytes) -> None:
        self._queue.append(frame)
        self._count += 1
        self._bytes += len(frame)
        self._shared.held += len(frame)

    def _note_sent(self, *frames: bytes) -> None:
        size = sum(map(len, frames))
        self._count -= len(frames)
        self._bytes -= size
        self._shared.held -= size
        self._wake_waiting()

    def _wake_waiting(self) -> None:
        if self._room.statistics().tasks_waiting:
            self._room.set()
            self._room = anyio.Event()

    @property
    def _much_is_queued(self) -> bool:
        return self._bytes > LOW_WATER_BYTES or self._count > LOW_WATER_MESSAGES

    def _fits(self, frame: bytes) -> bool:
        return (
            self._count < self._max_messages
            and self._bytes + len(frame) <= self._max_bytes
            and self._shared.held + len(frame) <= self._shared.most
        )

    def _send_directly(self, stream: MemoryStream, frame: bytes) -> bool:
        try:
            stream.send_nowait(frame)
        except anyio.WouldBlock:
            return False
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._stopped = True
            self._wake.ring()
            return False
        return True
