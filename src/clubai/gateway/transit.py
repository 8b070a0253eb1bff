"""Clients for the gateway inside a coordinator: one for each key of each member.

A client speaks over a local stream that already stands for its member, with what the
member's key allows and no more. It is made on the first request with that key, shared
by all that come with it, and let go when it has not been used for a while.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, Protocol, TypeVar

import anyio
from anyio.abc import ObjectStream, TaskGroup, TaskStatus

from clubai.client import Client
from clubai.client.trust import Trust
from clubai.model import MemberId
from clubai.transport.bearer import bearer_token

IDLE_SECONDS: Final = 300.0


class Speaker(Hashable, Protocol):
    """Whoever a client speaks for; equal are those who may do the same."""

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
        authenticate: Says whom a bearer token from an address speaks for; raises as
            `client_for`.
        link: Gives a local stream that speaks for them.
        trust: What the clients know of the coordinator, whose process this is.
        tasks: Where the clients' tasks run.
    """

    def __init__(
        self,
        *,
        authenticate: Callable[[str, str], Awaitable[S]],
        link: Callable[[S], ObjectStream[bytes]],
        trust: Trust,
        tasks: TaskGroup,
    ) -> None:
        self._authenticate = authenticate
        self._link = link
        self._trust = trust
        self._tasks = tasks
        self._held: dict[S, _Held] = {}
        self._making = anyio.Lock()

    async def client_for(self, authorization: str | None, address: str) -> Client:
        """The client of whoever sent this `Authorization` header.

        Raises:
            AuthenticationError: no good key or token was given.
            PermissionDenied: the key is for nothing that a gateway does.
            RateLimited: too many bad ones came from `address`.
        """
        speaker = await self._authenticate(bearer_token(authorization), address)
        held = self._held.get(speaker)
        if held is None or held.client.lost:
            held = await self._make(speaker)
        held.used = True
        return held.client

    async def _make(self, speaker: S) -> _Held:
        async with self._making:
            held = self._held.get(speaker)
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
            client.speaks_for = speaker.id
            held = _Held(client)
            self._held[speaker] = held
            task_status.started(held)
            while not client.lost and (held.used or client.busy):
                held.used = False
                await anyio.sleep(IDLE_SECONDS)
            if self._held.get(speaker) is held:
                del self._held[speaker]
