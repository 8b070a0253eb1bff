"""Follows what happens in a club, over breaks, without missing or repeating an event.

A feed begins with a snapshot, and goes on with the events after it. When the connection
breaks it comes again, later each time, and asks for what it missed; when the club has
that no more, or was started anew, it takes another snapshot and says so. It reads only
when it is asked for the next item: who does not ask is dropped by the club, in time.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Self
from urllib.parse import urlsplit, urlunsplit

import anyio
import httpx
import msgspec

from clubai import __version__
from clubai.client.client import client_url
from clubai.client.rest import bearer
from clubai.core.agent import backoff
from clubai.errors import (
    AuthenticationError,
    ClubAIError,
    ConnectFailed,
    PermissionDenied,
    RemoteProtocolError,
)
from clubai.model import Value
from clubai.protocol.decoding import UNREADABLE
from clubai.protocol.feed import (
    ClubEvent,
    FeedGap,
    FeedSnapshot,
    FeedStats,
    Position,
    read_feed,
    read_position,
)
from clubai.protocol.sse import ServerEvent, SseReader
from clubai.transport.fetch import end_answer, read_answer

CONNECT_SECONDS: Final = 10.0
SILENCE_SECONDS: Final = 16.0
"""The club says something every 5 s at least: after this it is gone."""
MAX_SNAPSHOT_BYTES: Final = 1 << 24
MAX_REFUSAL_BYTES: Final = 1 << 16
_LATER: Final = frozenset((408, 425, 429))


class FeedState(Value, frozen=True, kw_only=True):
    """How the feed itself is."""

    connected: bool
    since: float
    """Since when it is so, by this machine's clock."""
    gaps: int
    """How often events were missed, and a new snapshot was taken."""
    reason: str = ""
    """Why it is not connected, or what the last gap was."""
    retry_s: float = 0.0
    """After how long it tries again."""


FeedItem = FeedSnapshot | ClubEvent | FeedStats | FeedState


class ClubFeed:
    """An endless iterator of `FeedItem`; made by `open_feed`.

    Each item is given once. A call that is cancelled loses nothing.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        url: str,
        *,
        clock: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self._http = http
        self._url = url
        self._clock = clock
        self._jitter = jitter
        self.state = FeedState(connected=False, since=clock(), gaps=0)
        """As it was said last."""
        self._ready: deque[FeedItem] = deque()
        self._events: deque[ServerEvent] = deque()
        """Read, and not looked at."""
        self._at: Position | None = None
        """What was seen last; None: a snapshot is to be taken."""
        self._failures = 0
        self._pause_s = 0.0
        self._response: httpx.Response | None = None
        self._pieces: AsyncIterator[bytes] | None = None
        self._reader = SseReader()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> FeedItem:
        """Wait for the next item.

        Raises:
            AuthenticationError, PermissionDenied: the key is not good, or not for this.
            ConnectFailed: what answers there has no feed.
        """
        while not self._ready:
            try:
                await self._go_on()
            except (httpx.HTTPError, httpx.StreamError) as error:
                await self._lose(str(error) or type(error).__name__)
            except RemoteProtocolError as error:
                await self._lose(error.reason)
            except ConnectFailed as error:
                if error.status is None or not _passing(error.status):
                    raise
                await self._lose(error.reason)
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Close the connection."""
        response, pieces = self._response, self._pieces
        self._response = self._pieces = None
        self._events.clear()
        if response is not None and pieces is not None:
            await end_answer(response, pieces)

    async def _go_on(self) -> None:
        if self._pieces is None:
            await self._connect()
        elif self._at is None:
            await self._take_snapshot()
        elif self._events:
            await self._take(self._events.popleft(), self._at)
        else:
            await self._read(self._pieces)

    async def _connect(self) -> None:
        if self._pause_s:
            await anyio.sleep(self._pause_s)
            self._pause_s = 0.0
        if self._at is None:
            await self._take_snapshot()
            return
        params = {"since": str(self._at.seq), "boot": self._at.boot}
        request = self._http.build_request("GET", "/api/events", params=params)
        response = await self._http.send(request, stream=True)
        if response.status_code != httpx.codes.OK:
            raise await _refusal(response, self._url)
        self._response, self._pieces = response, response.aiter_raw()
        self._reader = SseReader()
        self._say(connected=True, reason="")

    async def _take_snapshot(self) -> None:
        async with self._http.stream("GET", "/api/snapshot") as response:
            if response.status_code != httpx.codes.OK:
                raise await _refusal(response, self._url)
            content = await read_answer(response, self._url, MAX_SNAPSHOT_BYTES)
        try:
            snapshot = msgspec.json.decode(content, type=FeedSnapshot)
        except UNREADABLE as error:
            reason = f"its snapshot cannot be read: {error}"
            raise ConnectFailed(self._url, reason, response.status_code) from error
        self._at = Position(snapshot.boot, snapshot.seq)
        self._ready.append(snapshot)

    async def _read(self, pieces: AsyncIterator[bytes]) -> None:
        piece = await anext(pieces, None)
        if piece is None:
            await self._lose("the club ended the stream")
        else:
            self._events += self._reader.feed(piece)

    async def _take(self, event: ServerEvent, at: Position) -> None:
        try:
            message = read_feed(event.name, event.data)
        except UNREADABLE as error:
            await self._lose(f"an event cannot be read: {error}")
            return
        position = read_position(event.id)
        if message is None or position is None:
            return
        self._failures = 0
        if isinstance(message, FeedGap):
            self._at = None
            self._say(connected=True, reason=message.reason, gaps=1)
        elif position.boot != at.boot:
            await self._lose("the snapshot is of another process than the events")
        elif isinstance(message, FeedStats):
            self._at = max(at, position)
            self._ready.append(message)
        elif position.seq > at.seq:
            self._at = position
            self._ready.append(message)

    async def _lose(self, reason: str) -> None:
        self._pause_s = backoff(self._failures, self._jitter())
        self._failures += 1
        self._say(connected=False, reason=reason, retry_s=self._pause_s)
        await self.aclose()

    def _say(
        self, *, connected: bool, reason: str = "", gaps: int = 0, retry_s: float = 0.0
    ) -> None:
        before = self.state
        self.state = FeedState(
            connected=connected,
            since=before.since if before.connected is connected else self._clock(),
            gaps=before.gaps + gaps,
            reason=reason,
            retry_s=retry_s,
        )
        self._ready.append(self.state)


class _Said(msgspec.Struct):
    message: str = ""


class _Refused(msgspec.Struct):
    error: _Said


@asynccontextmanager
async def open_feed(
    url: str,
    key: str,
    *,
    clock: Callable[[], float] = time.time,
    jitter: Callable[[], float] = random.random,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[ClubFeed]:
    """Follow the club at `url` until the context is left.

    Args:
        url: The coordinator's address, such as `http://127.0.0.1:8000`.
        key: An API key with the scope `read`, or an access token.
        clock: What `FeedState.since` is told by, in seconds.
        jitter: From [0, 1): the share of each pause that is made.
        transport: What carries the requests; None: sockets.

    Raises:
        ConfigError: the URL is none.
        AuthenticationError: the key can be none.
    """
    scheme, host, *_ = urlsplit(client_url(url))
    base = urlunsplit((scheme.replace("ws", "http"), host, "", "", ""))
    headers = {
        "authorization": bearer(key),
        "user-agent": f"clubai/{__version__}",
        "accept-encoding": "identity",
    }
    async with httpx.AsyncClient(
        base_url=base,
        headers=headers,
        timeout=httpx.Timeout(CONNECT_SECONDS, read=SILENCE_SECONDS),
        transport=transport,
        trust_env=False,
    ) as http:
        feed = ClubFeed(http, base, clock=clock, jitter=jitter)
        try:
            yield feed
        finally:
            await feed.aclose()


async def _refusal(response: httpx.Response, url: str) -> ClubAIError:
    """What a refusal is here, once it is read."""
    status, message = response.status_code, ""
    pieces = response.aiter_raw()
    content = b""
    try:
        async for piece in pieces:
            content += piece
            if len(content) > MAX_REFUSAL_BYTES:
                break
    finally:
        await end_answer(response, pieces)
    with suppress(*UNREADABLE):
        message = msgspec.json.decode(content, type=_Refused).error.message
    if status == httpx.codes.UNAUTHORIZED:
        return AuthenticationError(message or "the key is not good")
    if status == httpx.codes.FORBIDDEN:
        return PermissionDenied("following the club", message)
    return ConnectFailed(url, message or f"status {status}", status)


def _passing(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status >= 500 or status in _LATER
