"""`Client`: one connection to a club, for as many requests at once as you like."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import anyio
import msgspec
from anyio.abc import ObjectStream

from clubai.client.asking import Asking
from clubai.client.comparison import Comparison
from clubai.client.job import Job
from clubai.client.link import ClientLink
from clubai.client.mailbox import Mailbox
from clubai.client.pins import Pins
from clubai.client.run import OnWait, Run, Sealing
from clubai.client.trust import Trust
from clubai.errors import (
    AuthenticationError,
    ClubAIError,
    ConfigError,
    ConnectFailed,
    PermissionDenied,
    StorageError,
)
from clubai.model import (
    ClubSnapshot,
    ModelSnapshot,
    ReadableBy,
)
from clubai.protocol.codec import decode_value
from clubai.protocol.messages import (
    ClubAnswer,
    ClubQuery,
    ClubUnwatch,
    ClubWatch,
    TaskFail,
)
from clubai.protocol.session import CLIENT_PATH
from clubai.transport.websocket import open_websocket

logger = logging.getLogger(__name__)


class Client(Asking):
    """Speaks for one member over one connection; made by `connect` or `over`."""

    def __init__(
        self, link: ClientLink, trust: Trust, *, readable_by: ReadableBy = "node"
    ) -> None:
        self._link = link
        self._sealing = Sealing(trust, self._read_log, wall_clock_ms, readable_by)
        self.speaks_for = ""
        """Whom, where that is known on this side: a gateway counts them as one."""

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, url: str, token: str, *, trust: Trust | None = None, timeout: float = 10.0
    ) -> AsyncIterator[Client]:
        """Connect to the club at `url` (http, https, ws or wss).

        What is asked is sealed on this machine: only the node that answers can read it.

        Args:
            url: The coordinator's address, with or without a path.
            token: An API key or an access token.
            trust: What is known of the club and asked of its nodes; None: whatever
                the coordinator says is believed the first time, and kept in memory.
            timeout: Seconds for the connection and its greeting.

        Raises:
            ConfigError: the URL is none.
            ConnectFailed: nothing answers there.
            AuthenticationError: the token is not good.
            TrustError: the coordinator is not the one that was pinned.
            RemoteProtocolError: the coordinator speaks another version.
        """
        address = client_url(url)
        try:
            async with (
                open_websocket(address, token=token, connect_timeout=timeout) as stream,
                cls.over(stream, trust=trust, timeout=timeout) as client,
            ):
                yield client
        except ConnectFailed as error:
            if error.status == 401:
                raise AuthenticationError(error.reason) from error
            if error.status == 403:
                raise PermissionDenied("connecting", error.reason) from error
            raise

    @classmethod
    @asynccontextmanager
    async def over(
        cls,
        stream: ObjectStream[bytes],
        *,
        trust: Trust | None = None,
        readable_by: ReadableBy = "node",
        timeout: float = 10.0,
    ) -> AsyncIterator[Client]:
        """Speak over a stream that already stands for a member.

        `readable_by` is what answers say of themselves: another one than `node` where
        this client's own process is the coordinator's.

        Raises:
            ConnectionLost, RemoteProtocolError: the greeting did not succeed.
            TrustError: the coordinator is not the one that was pinned.
        """
        trust = trust or Trust(Pins.in_memory(), clock_ms=wall_clock_ms)
        async with ClientLink.open(stream, timeout=timeout) as link:
            trust.pin_coordinator(link.coordinator_key)
            try:
                yield cls(link, trust, readable_by=readable_by)
            finally:
                with anyio.CancelScope(shield=True), anyio.move_on_after(2):
                    await _flush(trust)

    @property
    def lost(self) -> bool:
        """The connection is gone: make a new client."""
        return self._link.lost

    @property
    def readable_by(self) -> ReadableBy:
        """Who can read what is asked here."""
        return self._sealing.readable_by

    @property
    def busy(self) -> bool:
        """Requests or watches are open on it."""
        return self._link.busy

    @asynccontextmanager
    async def run(
        self, job: Job, *, on_wait: OnWait | None = None
    ) -> AsyncIterator[Run]:
        """Run one job; leaving the context before its end cancels it on the node.

        `on_wait` is told why the job waits, each time that changes.

        Raises:
            ConnectionLost: the connection is gone.
        """
        run = Run(
            job,
            ref=self._link.next_ref(),
            send=self._link.send,
            sealing=self._sealing,
            on_wait=on_wait,
        )
        self._link.expect(run.ref, run.mailbox)
        try:
            await run.request()
            yield run
        finally:
            self._link.forget(run.ref, task=bytes.fromhex(run.task))
            if not run.ended:
                with anyio.CancelScope(shield=True), anyio.move_on_after(2):
                    await self._quietly(run.cancel)

    @asynccontextmanager
    async def compare(self, size: int) -> AsyncIterator[Comparison]:
        """Compare the answers to `size` jobs by tags that the coordinator cannot read.

        Run each job as the comparison's `job` gives it, and then await its `tags`.

        Raises:
            ConnectionLost: the connection is gone.
        """
        ref, mailbox = self._new_mailbox()
        comparison = Comparison(size, mailbox)
        self._link.expect_tags(ref, comparison.group)
        try:
            yield comparison
        finally:
            self._link.forget(ref, group=comparison.group)

    async def models(self) -> tuple[ModelSnapshot, ...]:
        """The models that the club's nodes offer now. Raises `ConnectionLost`."""
        return decode_value(await self._query("models"), tuple[ModelSnapshot, ...])

    async def snapshot(self) -> ClubSnapshot:
        """The club now: nodes, models, your tasks, counts. Raises `ConnectionLost`."""
        return decode_value(await self._query("snapshot"), ClubSnapshot)

    @asynccontextmanager
    async def watch(
        self, *, interval_s: float = 0.5
    ) -> AsyncIterator[AsyncIterator[ClubSnapshot]]:
        """Follow the club: a snapshot now and after each change.

        At most one snapshot comes in `interval_s` seconds. Raises `ConnectionLost`.
        """
        ref, mailbox = self._new_mailbox()
        await self._link.send(ClubWatch(ref=ref, interval_s=interval_s))
        try:
            yield _Snapshots(mailbox)
        finally:
            self._link.forget(ref)
            with anyio.CancelScope(shield=True), anyio.move_on_after(2):
                await self._quietly(lambda: self._link.send(ClubUnwatch(ref=ref)))

    async def _read_log(self, path: str) -> bytes:
        content = decode_value(await self._query("log", path), bytes)
        if not content:
            raise ConnectFailed("the key log", f"it has nothing at {path}", 404)
        return content

    async def _query(self, what: str, path: str = "") -> msgspec.Raw:
        ref, mailbox = self._new_mailbox()
        try:
            await self._link.send(ClubQuery(ref=ref, what=what, path=path))
            message = await mailbox.take()
        finally:
            self._link.forget(ref)
        if isinstance(message, TaskFail):
            raise PermissionDenied(f"asking for the club's {what}", message.message)
        assert isinstance(message, ClubAnswer)  # noqa: S101 - a query's ref has no other
        return message.body

    def _new_mailbox(self) -> tuple[int, Mailbox]:
        ref, mailbox = self._link.next_ref(), Mailbox()
        self._link.expect(ref, mailbox)
        return ref, mailbox

    async def _quietly(self, act: Callable[[], Awaitable[None]]) -> None:
        try:
            await act()
        except ClubAIError as error:
            logger.debug("the other side is gone already: %s", error)


class _Snapshots:
    """The snapshots of one watch."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ClubSnapshot:
        while True:
            message = await self._mailbox.take()
            if isinstance(message, ClubAnswer):
                return decode_value(message.body, ClubSnapshot)
            if isinstance(message, TaskFail):
                raise PermissionDenied("watching the club", message.message)


def client_url(url: str) -> str:
    """The WebSocket address for clients at a club's address.

    Raises:
        ConfigError: `url` is no http, https, ws or wss URL.
    """
    parts = urlsplit(url if "://" in url else f"http://{url}")
    schemes = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
    if parts.scheme not in schemes or not parts.netloc:
        raise ConfigError("url", url, "give an address such as http://127.0.0.1:8000")
    return urlunsplit((schemes[parts.scheme], parts.netloc, CLIENT_PATH, "", ""))


async def _flush(trust: Trust) -> None:
    try:
        await trust.flush()
    except (ConfigError, StorageError) as error:
        logger.warning("what was seen of the club is not stored: %s", error)


def wall_clock_ms() -> int:
    """This machine's time in Unix milliseconds."""
    return time.time_ns() // 1_000_000
