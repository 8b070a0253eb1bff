"""Streams inside one process: a plain pair, and a network that can fail.

`memory_pair` joins a gateway to the coordinator it lives in. `MemoryNetwork` is for
tests, ours and those of whoever builds on ClubAI: names instead of addresses, a
constant delay, and partitions that break every connection of a name, as a pulled cable
does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
from anyio.abc import Listener, ObjectStream

from clubai.errors import ConnectFailed
from clubai.protocol.messages import MAX_MESSAGE_BYTES
from clubai.transport.base import MessageStream

if TYPE_CHECKING:
    from collections.abc import Callable

    Take = Callable[[bytes], None]
    from typing import Any

    from anyio.abc import TaskGroup
    from anyio.streams.memory import (
        MemoryObjectReceiveStream,
        MemoryObjectSendStream,
    )

BUFFERED_MESSAGES: Final = 256


class MemoryStream(MessageStream):
    """One end of a pair."""

    def __init__(
        self,
        outgoing: MemoryObjectSendStream[bytes],
        incoming: MemoryObjectReceiveStream[bytes],
        max_message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        super().__init__(max_message_bytes)
        self._outgoing = outgoing
        self._incoming = incoming
        self._other: MemoryStream
        self._take: Take | None = None
        self._broke: Exception | None = None

    def join(self, other: MemoryStream) -> None:
        """Make the two ends known to each other."""
        self._other, other._other = other, self

    async def send(self, item: bytes) -> None:
        """Send one message, waiting while the buffer is full."""
        try:
            self.send_nowait(item)
        except anyio.WouldBlock:
            await self._outgoing.send(item)
        else:
            await anyio.lowlevel.checkpoint()

    def send_nowait(self, item: bytes) -> None:
        """Send one message at once; a receiver that is pushed to has it on return.

        Raises:
            anyio.WouldBlock: the buffer is full; nothing was sent.
        """
        self._check_size(item)
        take = self._other._take
        if take is None:
            self._outgoing.send_nowait(item)
        else:
            take(item)

    async def receive(self) -> bytes:
        """Receive the next message."""
        return await self._incoming.receive()

    async def push_to(self, take: Take) -> None:
        """Have every message handed to `take` as it is sent, until the stream ends.

        Raises:
            EndOfStream, ClosedResourceError: the stream ended.
            Exception: what `take` raised; it is not called again.
        """
        with anyio.CancelScope() as scope:

            def guarded(item: bytes) -> None:
                try:
                    take(item)
                except Exception as error:  # noqa: BLE001 - raised in push_to's task
                    self._broke = error
                    self._take = None
                    scope.cancel()

            try:
                self._drain(guarded)
                if self._broke is None:
                    self._take = guarded
                    await self._incoming.receive()
            finally:
                self._take = None
        if self._broke is not None:
            raise self._broke

    def _drain(self, take: Take) -> None:
        while self._broke is None:
            try:
                item = self._incoming.receive_nowait()
            except anyio.WouldBlock:
                return
            take(item)

    async def aclose(self) -> None:
        """Close this end; the other one still receives what was sent."""
        self._outgoing.close()
        self._incoming.close()


def memory_pair(
    *, buffer: int = BUFFERED_MESSAGES, max_message_bytes: int = MAX_MESSAGE_BYTES
) -> tuple[MemoryStream, MemoryStream]:
    """Return two ends of one connection; each direction holds `buffer` messages."""
    one_out, other_in = anyio.create_memory_object_stream[bytes](buffer)
    other_out, one_in = anyio.create_memory_object_stream[bytes](buffer)
    one = MemoryStream(one_out, one_in, max_message_bytes)
    other = MemoryStream(other_out, other_in, max_message_bytes)
    one.join(other)
    return one, other


class _Link(MessageStream):
    """One end of a connection over a `MemoryNetwork`."""

    def __init__(
        self,
        network: MemoryNetwork,
        outgoing: MemoryObjectSendStream[tuple[float, bytes]],
        incoming: MemoryObjectReceiveStream[tuple[float, bytes]],
        max_message_bytes: int,
    ) -> None:
        super().__init__(max_message_bytes)
        self._network = network
        self._outgoing = outgoing
        self._incoming = incoming
        self._arriving: tuple[float, bytes] | None = None
        self._severed = False
        self.over = False

    async def send(self, item: bytes) -> None:
        self._check_size(item)
        self._check_whole()
        due = anyio.current_time() + self._network.delay
        try:
            await self._outgoing.send((due, item))
        except anyio.ClosedResourceError:
            self._check_whole()
            raise

    async def receive(self) -> bytes:
        try:
            if self._arriving is None:
                self._arriving = await self._incoming.receive()
            due, item = self._arriving
            if due > anyio.current_time():
                await anyio.sleep_until(due)
        except (anyio.EndOfStream, anyio.ClosedResourceError):
            self._check_whole()
            raise
        self._check_whole()
        self._arriving = None
        return item

    async def aclose(self) -> None:
        self._severed = False
        self._end()

    def sever(self) -> None:
        """Break this end; what is under way is lost."""
        if not self.over:
            self._severed = True
            self._end()

    def _end(self) -> None:
        self.over = True
        self._outgoing.close()
        self._incoming.close()

    def _check_whole(self) -> None:
        if self._severed:
            raise anyio.BrokenResourceError


class MemoryListener(Listener[ObjectStream[bytes]]):
    """Whoever listens as one name."""

    def __init__(self, network: MemoryNetwork, name: str) -> None:
        """Belong to `network`, which made this in `listen`."""
        self._network = network
        self._name = name
        self._arrivals, self._queue = anyio.create_memory_object_stream[_Link](16)

    async def arrive(self, link: _Link) -> None:
        """Queue a connection for `serve`."""
        await self._arrivals.send(link)

    async def serve(
        self,
        handler: Callable[[ObjectStream[bytes]], Any],
        task_group: TaskGroup | None = None,
    ) -> None:
        """Run `handler` on each connection until the listener is closed."""
        if task_group is not None:
            await self._hand_over(handler, task_group)
            return
        async with anyio.create_task_group() as own:
            await self._hand_over(handler, own)

    async def _hand_over(
        self, handler: Callable[[ObjectStream[bytes]], Any], tasks: TaskGroup
    ) -> None:
        try:
            async for link in self._queue:
                tasks.start_soon(handler, link)
        except anyio.ClosedResourceError:
            return

    async def aclose(self) -> None:
        """Give the name up; connections that exist go on."""
        self._network.forget(self._name)
        self._arrivals.close()
        while self._queue.statistics().current_buffer_used:
            await self._queue.receive_nowait().aclose()
        self._queue.close()


class MemoryNetwork:
    """Names that listen, dial each other, and lose each other."""

    def __init__(
        self,
        *,
        delay: float = 0.0,
        buffer: int = BUFFERED_MESSAGES,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        """Make an empty network where each message takes `delay` seconds."""
        self.delay = delay
        self._buffer = buffer
        self._max_message_bytes = max_message_bytes
        self._listeners: dict[str, MemoryListener] = {}
        self._cut: set[str] = set()
        self._links: list[tuple[str, str, _Link, _Link]] = []

    def listen(self, name: str) -> MemoryListener:
        """Take `name` until the listener is closed.

        Raises:
            ValueError: something listens there already.
        """
        if name in self._listeners:
            raise ValueError(f"something listens as {name!r} already")
        self._listeners[name] = listener = MemoryListener(self, name)
        return listener

    async def dial(self, name: str, *, source: str = "") -> ObjectStream[bytes]:
        """Connect `source` to whoever listens as `name`.

        Raises:
            ConnectFailed: nobody does, or one of the two is partitioned.
        """
        await anyio.sleep(self.delay)
        listener = self._listeners.get(name)
        if listener is None or {name, source} & self._cut:
            raise ConnectFailed(f"memory:{name}", "no route")
        near, far = self._pair()
        self._links = [link for link in self._links if not link[2].over]
        self._links.append((source, name, near, far))
        try:
            await listener.arrive(far)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            near.sever()
            far.sever()
            raise ConnectFailed(f"memory:{name}", "no longer listens") from None
        return near

    def partition(self, name: str) -> None:
        """Break every connection of `name`, and refuse new ones until `heal`."""
        self._cut.add(name)
        for source, target, near, far in self._links:
            if name in (source, target):
                near.sever()
                far.sever()

    def heal(self, name: str) -> None:
        """Let `name` be dialled, and dial, again."""
        self._cut.discard(name)

    def forget(self, name: str) -> None:
        """Stop listening as `name`; connections that exist go on."""
        self._listeners.pop(name, None)

    def _pair(self) -> tuple[_Link, _Link]:
        one_out, other_in = anyio.create_memory_object_stream[tuple[float, bytes]](
            self._buffer
        )
        other_out, one_in = anyio.create_memory_object_stream[tuple[float, bytes]](
            self._buffer
        )
        limit = self._max_message_bytes
        return (
            _Link(self, one_out, one_in, limit),
            _Link(self, other_out, other_in, limit),
        )
