"""One accepted connection: the socket on one side, Hypercorn's protocol on the other.

Three tasks: the reader (this connection's own), the writer, and the application's, one
per request. Nobody waits for the peer without a bound: it has a time for each head,
each body and each idle stretch, and is dropped when it takes nothing for
`send_timeout_s`. Whatever goes wrong here ends this connection and no other.
"""

from __future__ import annotations

import enum
import logging
import math
import time
from typing import TYPE_CHECKING, Any, Final, cast

import anyio
from hypercorn.events import Closed, RawData, Updated
from hypercorn.typing import ConnectionState

from clubai.transport.hardening import ClientGone, Http1
from clubai.transport.inbox import INBOX, Inbox
from clubai.transport.outgoing import Outgoing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskGroup
    from hypercorn.events import Event as SocketEvent
    from hypercorn.typing import TaskGroup as HypercornTasks
    from hypercorn.typing import WorkerContext

    from clubai.transport.hardening import EdgeConfig
    from clubai.transport.limits import ServerLimits
    from clubai.transport.sockets import Socket

_WRITE_BYTES: Final = 1 << 16
_LINGER_S: Final = 1.0
_LINGER_BYTES: Final = 8 << 20

_log = logging.getLogger("clubai.transport.server")


class Phase(enum.Enum):
    """What is awaited from the peer."""

    IDLE = enum.auto()
    HEAD = enum.auto()
    BODY = enum.auto()
    NOTHING = enum.auto()


class Flag:
    """An event in the shape in which Hypercorn asks for one."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    async def clear(self) -> None:
        """Unset it."""
        self._event = anyio.Event()

    async def wait(self) -> None:
        """Wait until it is set."""
        await self._event.wait()

    async def set(self) -> None:
        """Set it."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether it is set."""
        return self._event.is_set()


class Context:
    """What Hypercorn's protocol classes know of the server."""

    event_class = Flag
    single_task_class: Any = None

    def __init__(self) -> None:
        self.terminate = Flag()
        self.terminated = Flag()

    async def mark_request(self) -> None:
        """Count nothing."""

    @staticmethod
    async def sleep(wait: float) -> None:
        """Sleep."""
        await anyio.sleep(wait)

    @staticmethod
    def time() -> float:
        """Tell the loop's time."""
        return anyio.current_time()


class Connection:
    """Made for one socket; `run` returns when it is closed, and never raises."""

    def __init__(
        self,
        app: Any,
        config: EdgeConfig,
        context: Context,
        limits: ServerLimits,
        state: dict[str, Any],
        socket: Socket,
    ) -> None:
        self._config = config
        self._limits = limits
        self._socket = socket
        self._outgoing = Outgoing(socket.write_soon)
        self._reader = anyio.CancelScope()
        self._phase = Phase.NOTHING
        self._ours_to_close = False
        self._writing_since = math.inf
        self._heard = True
        self._unanswered = 0
        self._tasks: TaskGroup
        self._protocol = Http1(
            app,
            config,
            cast("WorkerContext", context),
            cast("HypercornTasks", self),
            ConnectionState(state),
            False,
            None,
            None,
            self._send,
        )

    async def run(self) -> None:
        """Serve the requests of this connection until it ends."""
        try:
            async with anyio.create_task_group() as writer:
                writer.start_soon(self._write_out)
                try:
                    async with anyio.create_task_group() as self._tasks:
                        await self._serve()
                finally:
                    await self._close()
        except Exception as error:  # noqa: BLE001 - no connection may end the server
            _log.warning("a connection was dropped: %s", type(error).__name__)
            _log.debug("because of", exc_info=error)

    async def retire(self) -> None:
        """End as soon as what is being answered is answered."""
        if await self._protocol.retire():
            await self._send(Closed())

    def stalls(self, now: float) -> bool:
        """Whether the peer has taken nothing for `send_timeout_s`.

        `now` is monotonic time, not the loop's, which takes ten times as long to ask.
        """
        since = min(self._writing_since, self._socket.behind_since)
        return now - since > self._limits.send_timeout_s

    async def probe(self, pings: int) -> bool:
        """Ping a WebSocket that was silent since the last call; other ones live.

        False: it has not answered `pings` of them.
        """
        if self._heard or not self._protocol.upgraded:
            self._heard = False
            self._unanswered = 0
        elif self._unanswered >= pings:
            return False
        elif not self._is_behind:  # else `stalls` tells
            self._unanswered += 1
            await self._protocol.ping()
        self._protocol.forgive()
        return True

    @property
    def _is_behind(self) -> bool:
        return self._outgoing.busy or self._socket.behind_since < math.inf

    async def abort(self) -> None:
        """End now."""
        self._outgoing.close()
        self._reader.cancel()
        await self._socket.aclose()

    async def spawn_app(
        self,
        app: Any,
        _: object,
        scope: Any,
        send: Callable[[Any], Awaitable[None]],
    ) -> Callable[[Any], Awaitable[None]]:
        """Start the application on one request; return how to feed it."""
        inbox = Inbox(self._config.max_app_queue_size)
        scope.setdefault("extensions", {})[INBOX] = inbox
        self._tasks.start_soon(self._run_app, app, scope, inbox, send)
        return inbox.put

    async def _run_app(
        self,
        app: Any,
        scope: Any,
        inbox: Inbox,
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        try:
            await app(scope, inbox.receive, send)
        except ClientGone:
            pass
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(_LINGER_S, shield=True):
                await self._protocol.retire()
            raise
        except Exception:  # noqa: BLE001 - its bug costs its own request only
            _log.exception("the application failed")
        finally:
            inbox.close()
            if self._protocol.stream is not None:
                await self._end_app(send)

    async def _end_app(self, send: Callable[[Any], Awaitable[None]]) -> None:
        with anyio.move_on_after(_LINGER_S, shield=True) as saying:
            await send(None)
        if saying.cancelled_caught:
            self._reader.cancel()

    async def _serve(self) -> None:
        self._protocol.client = self._socket.remote
        self._protocol.server = self._socket.local
        if self._protocol.client is None:
            return
        self._await(Phase.HEAD)
        with self._reader:
            await self._read()
        if self._reader.cancelled_caught:
            self._ours_to_close = True
        await self._protocol.handle(Closed())
        await self._flush()
        await self._close()

    async def _read(self) -> None:
        while True:
            try:
                data = await self._socket.receive()
            except (
                anyio.EndOfStream,
                anyio.BrokenResourceError,
                anyio.ClosedResourceError,
            ):
                return
            self._heard = True
            await self._protocol.handle(RawData(data))
            del data  # it may be a prompt, and the next piece may be long in coming
            self._note_progress()

    def _note_progress(self) -> None:
        protocol = self._protocol
        if protocol.upgraded:
            self._await(Phase.NOTHING)
        elif protocol.awaits_body:
            self._await(Phase.BODY)
        elif not protocol.awaits_head:
            self._await(Phase.NOTHING)
        elif protocol.holds_part:
            self._await(Phase.HEAD)

    def _await(self, phase: Phase) -> None:
        if phase is self._phase:
            return
        self._phase = phase
        limits = self._limits
        match phase:
            case Phase.IDLE:
                within = limits.keep_alive_s
            case Phase.HEAD:
                within = limits.header_timeout_s
            case Phase.BODY:
                within = limits.body_timeout_s
            case _:
                within = math.inf
        self._reader.deadline = anyio.current_time() + within

    async def _send(self, event: SocketEvent) -> None:
        if isinstance(event, RawData):
            if event.data:
                await self._put(event.data)
        elif isinstance(event, Closed):
            self._ours_to_close = True
            self._reader.cancel()
        elif isinstance(event, Updated):
            self._await(Phase.IDLE if event.idle else Phase.NOTHING)

    async def _put(self, data: bytes) -> None:
        try:
            await self._outgoing.put(data)
        except anyio.BrokenResourceError:
            # The reader ends the connection; without a checkpoint an application
            # that only ever sends would not let it.
            await anyio.lowlevel.checkpoint()

    async def _write_out(self) -> None:
        # Outlives a cancelled application, so that it can still say goodbye.
        with anyio.CancelScope(shield=True):
            try:
                await self._outgoing.pump(self._write)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                await self.abort()

    async def _write(self, items: list[bytes]) -> None:
        data = items[0] if len(items) == 1 else b"".join(items)
        for start in range(0, len(data), _WRITE_BYTES):
            # A deadline of its own for every write would cost as much as the write:
            # the server looks after those that take too long.
            self._writing_since = time.monotonic()
            await self._socket.send(data[start : start + _WRITE_BYTES])
        self._writing_since = math.inf

    async def _flush(self) -> None:
        await self._outgoing.flush()
        await self._socket.flush()

    async def _close(self) -> None:
        with anyio.move_on_after(_LINGER_S, shield=True):
            await self._flush()
            if self._ours_to_close and not self._outgoing.closed:
                self._ours_to_close = False
                await self._linger()
        with anyio.CancelScope(shield=True):
            self._outgoing.close()
            await self._socket.aclose()

    async def _linger(self) -> None:
        """Let the peer read what we said before what it said resets it."""
        left = _LINGER_BYTES
        try:
            await self._socket.send_eof()
            while left > 0:
                left -= len(await self._socket.receive())
        except (
            anyio.EndOfStream,
            anyio.BrokenResourceError,
            anyio.ClosedResourceError,
            OSError,
        ):
            return
