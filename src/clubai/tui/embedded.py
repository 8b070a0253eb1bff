"""A club in a thread of this process, and the dashboard's way to it.

The club has an event loop of its own, so that neither it nor the screen ever waits for
the other. The dashboard follows it over loopback like any other club: what it shows is
what a remote dashboard would.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from typing import Any

import anyio
from anyio.from_thread import start_blocking_portal

from clubai.client import Client
from clubai.client.feed import FeedItem, FeedState
from clubai.club import Club
from clubai.errors import ClubAIError, lone_errors
from clubai.tui.source import Attached, SourceMode

OpenClub = Callable[[], AbstractAsyncContextManager[Club]]
GUEST = "guest"


class Embedded:
    """The source of a club that `embedded` has started."""

    mode: SourceMode = "embedded"

    def __init__(self, ready: Future[Attached], ended: Future[None]) -> None:
        self._ready = ready
        self._ended = ended

    @property
    def url(self) -> str:
        """The coordinator's address, once it listens."""
        ready = self._ready
        if not ready.done() or ready.cancelled() or ready.exception():
            return "this machine"
        return ready.result().url

    def clock(self) -> float:
        """This machine's time."""
        return Attached.clock()

    async def attached(self) -> Attached:
        """Wait until the club runs.

        Raises:
            ClubAIError: it could not be started: as `open_club` raises, or by the name
                of any other error.
        """
        # Shielded: whoever waits may go away, and the club goes on.
        return await asyncio.shield(asyncio.wrap_future(self._ready))

    async def items(self) -> AsyncGenerator[FeedItem]:
        """What the feed gives; see `Source`. Raises what has ended the club."""
        async with aclosing((await self.attached()).items()) as items:
            async for item in items:
                yield item
                if isinstance(item, FeedState) and not item.connected:
                    self._raise_end()

    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Call the club's API; see `Source`."""
        return await (await self.attached()).call(method, path, body)

    def client(self) -> AbstractAsyncContextManager[Client]:
        """Connect as the guest; see `Source`. Raises `ClubAIError` while it starts."""
        if not self._ready.done() or self._ready.cancelled():
            raise ClubAIError("the club is still starting")
        return self._ready.result().client()

    def _raise_end(self) -> None:
        if self._ended.done() and not self._ended.cancelled():
            error = self._ended.exception()
            raise ClubAIError(f"the club in this process has ended: {error}")


@contextmanager
def embedded(open_it: OpenClub) -> Iterator[Embedded]:
    """Run a club in a thread of its own until the context is left.

    It returns at once, while the club still starts. A guest's account is made in it, by
    which the playground asks: who asks their own nodes moves no points.
    """
    with start_blocking_portal(name="clubai-club") as portal:
        ready: Future[Attached] = Future()
        ended = portal.start_task_soon(_run, open_it, ready)
        try:
            yield Embedded(ready, ended)
        finally:
            ended.cancel()


async def _run(open_it: OpenClub, ready: Future[Attached]) -> None:
    try:
        with lone_errors():
            async with open_it() as club:
                guest = await club.add_member(GUEST)
                ready.set_result(
                    Attached(club.url, club.api_key, asking_key=guest, mode="embedded")
                )
                await anyio.sleep_forever()
    except ClubAIError as error:
        if ready.done():
            raise
        ready.set_exception(error)
    except Exception as error:  # who waits for the start is told, whatever it was
        if ready.done():
            raise
        reason = f"the club cannot be started: {type(error).__name__}: {error}"
        failed = ClubAIError(reason)
        failed.__cause__ = error
        ready.set_exception(failed)
    finally:
        if not ready.done():
            ready.cancel()
