"""An answer as a stream of server-sent events.

The status can be chosen until the first bytes leave: normally when the answer begins,
at the latest when the first ping is due. After that a failure is an event of its own,
and the stream ends without `[DONE]`.
"""

from __future__ import annotations

from typing import Final

from anyio import CancelScope, Lock, WouldBlock, move_on_after

from clubai.gateway.exchange import Clock, Exchange
from clubai.gateway.problems import Headers, Problem
from clubai.protocol.openai_answer import event

PING: Final = b": ping\n\n"
_SSE_HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)


class EventStream:
    """One response made of events."""

    def __init__(self, exchange: Exchange, *, ping_s: float, clock: Clock) -> None:
        self._exchange = exchange
        self._ping_s = ping_s
        self._clock = clock
        self._quiet_since = clock()
        self._sending = Lock(fast_acquire=True)
        self._closed = False

    async def begin(self, headers: Headers, *, request: str = "") -> None:
        """Send status 200 and the headers, unless a ping already has."""
        async with self._sending:
            await self._begin(headers, request)

    async def send(self, events: bytes) -> None:
        """Send events."""
        async with self._sending:
            await self._exchange.write(events, more=True)
            self._quiet_since = self._clock()

    async def end(self, events: bytes) -> None:
        """Send the last events."""
        async with self._sending:
            self._closed = True
            await self._exchange.write(events, more=False)

    async def fail(self, problem: Problem) -> None:
        """Say that the answer failed after the stream had begun."""
        await self.end(event(problem.envelope()))

    async def watch(self, scope: CancelScope) -> None:
        """Ping in silence; cancel `scope` when the reader goes away."""
        while True:
            due = self._quiet_since + self._ping_s - self._clock()
            with move_on_after(max(due, 0)):
                await self._exchange.watch(scope)
                return
            await self._ping()

    async def _ping(self) -> None:
        if self._clock() - self._quiet_since < self._ping_s:
            return
        try:
            self._sending.acquire_nowait()
        except WouldBlock:
            pass  # events are on their way: it is not silent
        else:
            try:
                if not self._closed:
                    await self._begin([], "")
                    await self._exchange.write(PING, more=True)
            finally:
                self._sending.release()
        self._quiet_since = self._clock()

    async def _begin(self, headers: Headers, request: str) -> None:
        if not self._exchange.begun:
            await self._exchange.begin(200, [*_SSE_HEADERS, *headers], request=request)
