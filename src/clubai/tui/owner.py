"""Where the owner's view gets its node from, and by what it acts on it."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

from clubai.client import Client
from clubai.client.feed import FeedItem
from clubai.errors import AuthenticationError
from clubai.tui.source import SourceMode

if TYPE_CHECKING:
    from clubai.agent.view import AgentSnapshot

NO_KEY = "Points are shown to members: log in on this machine with `clubai login`."


class OwnerSource(Protocol):
    """An agent of this process. Nothing here waits for it but the acts."""

    @property
    def snapshot(self) -> AgentSnapshot | None:
        """What it told last; None: it is not there yet."""

    @property
    def phase(self) -> str:
        """What is being done as long as it is not there."""

    @property
    def ended(self) -> bool:
        """It has drained, or failed."""

    @property
    def failure(self) -> str:
        """Why it ended, and what helps; empty: it did not fail."""

    def clock(self) -> float:
        """This machine's time, Unix seconds."""

    async def pause(self, on: bool) -> None:
        """Take no new work, or take it again. All of these raise `ClubAIError`."""

    async def drain(self) -> None:
        """Take no new work any more, and end once it is idle."""

    async def look(self) -> bool:
        """Look at the model server now; whether it answered."""

    async def set_slots(self, wanted: int) -> int:
        """Take so many requests at once, 0: the backend's own; how many it takes."""

    async def try_now(self) -> None:
        """Connect at once, when it waits to try again."""


class NoClub:
    """Stands in for the club's feed where there is no key for it."""

    mode: SourceMode = "attached"

    def __init__(self, url: str) -> None:
        self.url = url

    @staticmethod
    def clock() -> float:
        """This machine's time."""
        return time.time()

    async def items(self) -> AsyncGenerator[FeedItem]:
        """Nothing."""
        nothing: tuple[FeedItem, ...] = ()
        for item in nothing:
            yield item

    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Refuse: nobody asks. Raises `AuthenticationError`."""
        raise AuthenticationError(NO_KEY)

    def client(self) -> AbstractAsyncContextManager[Client]:
        """Refuse. Raises `AuthenticationError`."""
        raise AuthenticationError(NO_KEY)
