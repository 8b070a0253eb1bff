"""The one client of a gateway on a member's own machine.

It speaks over one connection to the club, and comes back by itself when that is lost.
Whoever asks shows the gateway's own key; the club's key stays in `connect`.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from random import random
from typing import Final

import anyio
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus

from clubai.client.client import Client
from clubai.core.agent import backoff
from clubai.errors import (
    AuthenticationError,
    ClubAIError,
    ConnectionLost,
    PermissionDenied,
    ProtocolError,
    TransportError,
    TrustError,
    lone_errors,
)
from clubai.gateway.exchange import Refused
from clubai.gateway.problems import Problem, club_refuses, club_unreachable
from clubai.model import ReadableBy
from clubai.transport.bearer import bearer_token

logger = logging.getLogger(__name__)

LONGEST_PAUSE_S: Final = 5.0
"""Between two tries to come back: people wait for it."""
REFUSED_PAUSE_S: Final = 60.0
"""The same when the club does not take the key; it slows down who tries too often."""
PATIENCE_S: Final = 1.0
"""How long a request waits for a try that is under way."""
LOOK_S: Final = 15.0
"""Between two looks whether a connection that seems alive is."""
LOOK_TIMEOUT_S: Final = 10.0
SETTLED_S: Final = 5.0
"""A connection that was lost after so long is made again without a pause."""

Connect = Callable[[], AbstractAsyncContextManager[Client]]


class LocalClient:
    """A `ClientSource` for the programs of one member on one machine; see `open`."""

    def __init__(self, connect: Connect, *, key: str) -> None:
        self.readable_by: ReadableBy = "coordinator and node"
        """Who can read what is asked over the connection that there is or was."""
        self._connect = connect
        self._key = key.encode()
        self._client: Client | None = None
        self._scope = anyio.CancelScope()
        self._settled = anyio.Event()
        """There is a connection, or a reason why there is none."""
        self._noticed = anyio.Event()
        """Somebody found the connection lost."""
        self._reason: ClubAIError = ConnectionLost("it was never made")
        self._again_at = 0.0

    @classmethod
    @asynccontextmanager
    async def open(cls, connect: Connect, *, key: str) -> AsyncIterator[LocalClient]:
        """Connect, and stay connected until the context is left.

        The connection outlives a cancellation of the caller, so that what is being
        answered may end; `close` ends it before that.

        Args:
            connect: Makes a client that speaks for the member; called for each try.
            key: What the programs on this machine show.

        Raises:
            ClubAIError: whatever the first `connect` raised.
        """
        local = cls(connect, key=key)
        with lone_errors():
            async with anyio.create_task_group() as tasks:
                await tasks.start(local._keep)
                try:
                    yield local
                finally:
                    local.close()

    @property
    def connected(self) -> bool:
        """Whether the club can be asked now, as far as is known."""
        return self._client is not None and not self._client.lost

    def close(self) -> None:
        """End the connection: what is still being answered fails."""
        self._scope.cancel()

    async def client_for(self, authorization: str | None, address: str) -> Client:
        """The client that all who have the key share.

        Raises:
            AuthenticationError: it is not this gateway's key.
            Refused: there is no connection to the club now.
        """
        self._check(authorization)
        if self._client is not None and self._client.lost:
            self._lose()
        if self._client is None:
            with anyio.move_on_after(PATIENCE_S):
                await self._settled.wait()
        if self._client is None:
            raise Refused(self._problem())
        return self._client

    def _check(self, authorization: str | None) -> None:
        given = bearer_token(authorization)
        if not hmac.compare_digest(given.encode(), self._key):
            raise AuthenticationError(
                "this is not the key of this gateway: `clubai gateway` shows it; the "
                "club's own key is for the club alone"
            )

    def _problem(self) -> Problem:
        if _is_refusal(self._reason):
            return club_refuses(str(self._reason))
        wait = max(self._again_at - anyio.current_time(), 0.0)
        return club_unreachable(str(self._reason), max(wait, PATIENCE_S))

    async def _keep(self, *, task_status: TaskStatus[None]) -> None:
        failures = 0
        with self._scope:
            lasted = await self._speak(task_status)
            while True:
                if lasted:
                    failures = 0
                else:
                    await self._wait(_pause(self._reason, failures))
                    failures += 1
                try:
                    lasted = await self._speak()
                except _KEEPS_TRYING as error:
                    logger.warning("%s", error)
                    self._reason = error
                    lasted = False

    async def _speak(self, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> bool:
        """Connect; when that connection is lost, tell whether it lasted a while."""
        async with self._connect() as client:
            since = anyio.current_time()
            self._client = client
            self._noticed = anyio.Event()
            self._settled.set()
            self.readable_by = client.readable_by
            logger.info("connected to the club")
            self._scope.shield = True
            task_status.started()
            try:
                await self._until_lost(client)
            finally:
                self._lose()
        return anyio.current_time() - since >= SETTLED_S

    async def _until_lost(self, client: Client) -> None:
        try:
            while not client.lost:
                with anyio.move_on_after(LOOK_S):
                    await self._noticed.wait()
                with anyio.fail_after(LOOK_TIMEOUT_S):
                    await client.models()
        except TimeoutError:
            self._reason = ConnectionLost("the coordinator does not answer")
        except (TransportError, ProtocolError) as error:
            self._reason = error
        logger.warning("%s", self._reason)

    async def _wait(self, seconds: float) -> None:
        self._again_at = anyio.current_time() + seconds
        self._settled.set()
        await anyio.sleep(seconds)
        self._settled = anyio.Event()

    def _lose(self) -> None:
        if self._client is not None:
            self._client = None
            self._settled = anyio.Event()
            self._noticed.set()


_REFUSALS: Final = (AuthenticationError, PermissionDenied, TrustError)
_KEEPS_TRYING: Final = (TransportError, ProtocolError, *_REFUSALS)


def _is_refusal(error: ClubAIError) -> bool:
    return isinstance(error, _REFUSALS)


def _pause(error: ClubAIError, failures: int) -> float:
    if _is_refusal(error):
        return REFUSED_PAUSE_S
    jitter = random()  # noqa: S311 - not a secret
    return min(backoff(failures, jitter), LONGEST_PAUSE_S)
