"""Where a dashboard gets its club from, and by what it acts: one protocol for all.

`Attached` follows a coordinator over the network. An embedded club is one of those
whose coordinator runs in a thread of this process (`embedded`), and a replay gives what
was recorded (`recording`).
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol

from clubai.client import Client
from clubai.client.feed import FeedItem, open_feed
from clubai.client.rest import call
from clubai.client.trust import Trust
from clubai.errors import PermissionDenied

SourceMode = Literal["attached", "embedded", "replay"]


class Source(Protocol):
    """What a dashboard stands on."""

    @property
    def mode(self) -> SourceMode:
        """How the club is seen."""

    @property
    def url(self) -> str:
        """The coordinator's address; of a replay the file's name."""

    def clock(self) -> float:
        """This machine's time, or the moment that is replayed; Unix seconds."""

    def items(self) -> AsyncGenerator[FeedItem]:
        """What the feed gives, from its beginning.

        Raises:
            AuthenticationError, PermissionDenied, ConnectFailed: there is no feed, and
                trying again is of no use.
        """

    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Call the club's API as whoever looks.

        Raises:
            ConnectFailed, AuthenticationError, PermissionDenied, ApiError: it was not
                done; the message says why.
        """

    def client(self) -> AbstractAsyncContextManager[Client]:
        """Connect as whoever asks in the playground. Raises as `Client.connect`."""


class Attached:
    """A club somewhere, with a key for it."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        asking_key: str = "",
        trust: Callable[[], Trust | None] = lambda: None,
        mode: SourceMode = "attached",
    ) -> None:
        self.mode: SourceMode = mode
        self.url = url
        self._key = key
        self._asking_key = asking_key or key
        """Whose questions the playground asks."""
        self._trust = trust

    def __repr__(self) -> str:
        return f"Attached({self.url!r}, mode={self.mode!r})"

    @staticmethod
    def clock() -> float:
        """This machine's time."""
        return time.time()

    async def items(self) -> AsyncGenerator[FeedItem]:
        """What the feed gives; see `Source`."""
        async with open_feed(self.url, self._key) as feed:
            async for item in feed:
                yield item

    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Call the club's API; see `Source`."""
        return await call(method, self.url, path, body=body, key=self._key)

    def client(self) -> AbstractAsyncContextManager[Client]:
        """Connect as whoever asks; see `Source`."""
        return Client.connect(self.url, self._asking_key, trust=self._trust())


def refuse_replay(what: str) -> PermissionDenied:
    """Why nothing can be done to a club that was recorded."""
    return PermissionDenied(what, "this is a replay: there is no club behind it")
