"""The one connection on which a dashboard asks: opened when needed, and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from clubai.client import Client
from clubai.errors import ClubAIError, ConnectionLost
from clubai.tui.source import Source


class Held(Protocol):
    """Something that runs until it is cancelled."""

    def cancel(self) -> object:
        """End it."""


Run = Callable[[Coroutine[Any, Any, None]], Held]
"""Begins to run something."""


class Line:
    """Gives the client to ask with; a lost one, or one of another club, is replaced."""

    def __init__(
        self,
        source: Callable[[], Source],
        run: Run,
    ) -> None:
        self._source = source
        self._run = run
        """Runs what holds the connection, as long as its owner lives."""
        self._of: Source | None = None
        """Where the open connection leads."""
        self._client: Client | None = None
        self._held: Held | None = None
        self._turn = asyncio.Lock()

    async def client(self) -> Client:
        """The connection.

        Raises:
            ClubAIError: as `Source.client`; the next call tries again.
        """
        async with self._turn:
            source, client = self._source(), self._client
            if client is not None and self._of is source and not client.lost:
                return client
            self.close()
            ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
            self._held = self._run(_hold(source, ready))
            try:
                client = await ready
            except BaseException:  # a question that is stopped hangs up as well
                self.close()
                raise
            self._client, self._of = client, source
            return client

    def close(self) -> None:
        """End the connection, if there is one."""
        held, self._held, self._client, self._of = self._held, None, None, None
        if held is not None:
            held.cancel()


async def _hold(source: Source, ready: asyncio.Future[Client]) -> None:
    """Keep a connection until cancelled: it is opened and closed in one task."""
    try:
        async with source.client() as client:
            if not ready.done():
                ready.set_result(client)
            await asyncio.Event().wait()
    except ClubAIError as error:
        # After `ready` nobody listens: `Client.lost` tells whoever asks next.
        if not ready.done():
            ready.set_exception(error)
    finally:
        if not ready.done():
            ready.set_exception(ConnectionLost("it was closed while it was opened"))
