"""Clients for the gateway inside a coordinator: one for each member who asks.

A client speaks over a local stream that already stands for its member. It is made on
the member's first request, shared by all of that member's requests, and let go when
it has not been used for a while.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Generic, Protocol, TypeVar

import anyio
from anyio.abc import ObjectStream, TaskGroup, TaskStatus

from clubai.client import Client
from clubai.client.trust import Trust
from clubai.gateway.exchange import bearer_token
from clubai.model import MemberId

IDLE_SECONDS: Final = 300.0


class Speaker(Protocol):
    """Whoever a client speaks for."""

    @property
    def id(self) -> MemberId:
        """The member's id."""


S = TypeVar("S", bound=Speaker)


class _Held:
    def __init__(self, client: Client) -> None:
        self.client = client
        self.used = True


class TransitClients(Generic[S]):
    """A `ClientSource` whose clients live in `tasks`.

    Args:
        authenticate: Says whom a bearer token speaks for; raises as `client_for`.
        link: Gives a local stream that speaks for them.
        trust: What the clients know of the coordinator, whose process this is.
        tasks: Where the clients' tasks run.
    """

    def __init__(
        self,
        *,
        authenticate: Callable[[str], Awaitable[S]],
        link: Callable[[S], ObjectStream[bytes]],
        trust: Trust,
        tasks: TaskGroup,
    ) -> None:
        self._authenticate = authenticate
        self._link = link
        self._trust = trust
        self._tasks = tasks
        self._held: dict[MemberId, _Held] = {}
        self._making = anyio.Lock()

    async def client_for(self, authorization: str | None, address: str) -> Client:
        """The client of whoever sent this `Authorization` header.

        Raises:
            AuthenticationError: no good key or token was given.
            RateLimited: too many bad ones came from `address`.
        """
        speaker = await self._authenticate(bearer_token(authorization))
        held = self._held.get(speaker.id)
        if held is None or held.client.lost:
            held = await self._make(speaker)
        held.used = True
        return held.client

    async def _make(self, speaker: S) -> _Held:
        async with self._making:
            held = self._held.get(speaker.id)
            if held is None or held.client.lost:
                held = await self._tasks.start(self._hold, speaker)
            return held

    async def _hold(self, speaker: S, *, task_status: TaskStatus[_Held]) -> None:
        async with (
            self._link(speaker) as stream,
            Client.over(
                stream, trust=self._trust, readable_by="coordinator and node"
            ) as client,
        ):
            held = _Held(client)
            self._held[speaker.id] = held
            task_status.started(held)
            while not client.lost and (held.used or client.busy):
                held.used = False
                await anyio.sleep(IDLE_SECONDS)
            if self._held.get(speaker.id) is held:
                del self._held[speaker.id]
