"""An answer as a stream of server-sent events.

The status can be chosen until the first bytes leave: normally when the answer begins,
at the latest when the first ping is due. After that a failure is an event of its own,
and the stream ends without `[DONE]`.
"""

from __future__ import annotations

from typing import Final

from anyio import CancelScope, Event, move_on_after

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
    """One response made of events; one task at a time sends them.

    Between them pings are sent, which never come in the middle of anything.
    """

    def __init__(self, exchange: Exchange, *, ping_s: float, clock: Clock) -> None:
        self._exchange = exchange
        self._ping_s = ping_s
        self._clock = clock
        self._quiet_since = clock()
        self._sending = False
        """Something other than a ping is on its way."""
        self._pinged: Event | None = None
        """While a ping is on its way: set once it is sent."""

    async def begin(self, headers: Headers, *, request: str = "") -> None:
        """Send status 200 and the headers, unless a ping already has."""
        await self._start()
        await self._begin(headers, request)
        self._sending = False

    async def send(self, events: bytes) -> None:
        """Send events."""
        await self._start()
        await self._exchange.write(events, more=True)
        self._sending = False
        self._quiet_since = self._clock()

    async def end(self, events: bytes) -> None:
        """Send the last events."""
        await self._start()
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

    async def _start(self) -> None:
        """Keep pings away from now on: for ever when what is sent fails."""
        if self._pinged is not None:
            await self._pinged.wait()
        self._sending = True

    async def _ping(self) -> None:
        if self._clock() - self._quiet_since < self._ping_s:
            return
        if not self._sending:  # else it is not silent, or over
            self._pinged = Event()
            try:
                await self._begin([], "")
                await self._exchange.write(PING, more=True)
            finally:
                self._pinged.set()
                self._pinged = None
        self._quiet_since = self._clock()

    async def _begin(self, headers: Headers, request: str) -> None:
        if not self._exchange.begun:
            await self._exchange.begin(200, [*_SSE_HEADERS, *headers], request=request)
