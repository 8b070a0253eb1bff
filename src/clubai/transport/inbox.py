"""What one request's application is still to receive from the server."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import anyio

from clubai.transport.bell import Bell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping

    Message = MutableMapping[str, Any]

INBOX: Final = "clubai.inbox"
"""The extension of the ASGI scope by which an application finds its inbox."""


class Inbox:
    """At most `limit` messages; the disconnect always fits, and stays.

    A full inbox holds the connection's reader back, and with it the peer.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: list[Message] = []
        self._disconnect: Message | None = None
        self._closed = False
        self._arrived = Bell()
        self._take: Callable[[Message], bool] | None = None
        self._gone: Callable[[], None] | None = None
        self._taken: anyio.Event | None = None

    async def put(self, message: Message) -> None:
        """Add a message, waiting for room; dropped when nobody will receive it."""
        if message["type"].endswith(".disconnect"):
            self._disconnect = message
            self._wake()
            if self._gone is not None:
                self._gone()
            return
        while len(self._items) >= self._limit and not self._over:
            self._taken = anyio.Event()
            await self._taken.wait()
        if self._over or (self._take is not None and self._take(message)):
            return
        self._items.append(message)
        self._wake()

    @property
    def has_whole_body(self) -> bool:
        """Whether a request's body can be received to its end without waiting."""
        return bool(self._items) and not self._items[-1].get("more_body", True)

    async def receive(self) -> Message:
        """Return the next message; the disconnect is returned again and again."""
        while not self._items:
            if self._disconnect is not None:
                await anyio.lowlevel.checkpoint()
                return self._disconnect
            await self._arrived.wait()
        return self._drop_first()

    async def push_to(self, take: Callable[[Message], bool]) -> None:
        """Have each message handed to `take` as it comes, without waking a task.

        Returns once one waits for `receive`: the disconnect, or what `take` left.

        Args:
            take: False leaves the message to `receive`, and all that follow.

        Raises:
            Exception: what `take` raised; it is not called again.
        """
        broke: Exception | None = None
        pushing = True

        def guarded(message: Message) -> bool:
            nonlocal broke, pushing
            try:
                taken = take(message)
            except Exception as error:  # noqa: BLE001 - raised in the receiver's task
                broke, taken = error, False
            if not taken:
                self._take, pushing = None, False
                self._wake()
            return taken

        while self._items:
            if not take(self._items[0]):
                return
            self._drop_first()
        if self._disconnect is not None:
            return
        self._take = guarded
        try:
            while pushing and self._disconnect is None:
                await self._arrived.wait()
        finally:
            self._take = None
        if broke is not None:
            raise broke

    @contextmanager
    def calling_when_gone(self, call: Callable[[], None]) -> Iterator[None]:
        """Call `call` when the other side disconnects, at once if it has."""
        self._gone = call
        try:
            if self._disconnect is not None:
                call()
            yield
        finally:
            self._gone = None

    def close(self) -> None:
        """Nobody will receive any more: let go of whoever waits to put."""
        self._closed = True
        self._wake()

    @property
    def _over(self) -> bool:
        return self._closed or self._disconnect is not None

    def _drop_first(self) -> Message:
        if self._taken is not None:
            self._taken.set()
        return self._items.pop(0)

    def _wake(self) -> None:
        self._arrived.ring()
        if self._over and self._taken is not None:
            self._taken.set()
