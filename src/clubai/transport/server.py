"""Serves an ASGI application over HTTP/1.1 and WebSockets, on either event loop.

Hypercorn parses and speaks (`hardening`); the sockets are ours (`connection`), the
same code under asyncio and trio. Meant for a loopback address or to stand behind a
proxy that does TLS.

Two ways to end: `stop` returns, and what is being answered gets `drain_s`; or the
caller cancels, and connections end at once. Either way WebSockets are told that the
server restarts, and no client can hold the end up.
"""

from __future__ import annotations

import errno
import logging
import socket
import time
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio import TASK_STATUS_IGNORED
from anyio.abc import SocketAttribute

from clubai.errors import ConfigError
from clubai.transport.connection import Connection, Context
from clubai.transport.doors import Doors
from clubai.transport.hardening import EdgeConfig, check_version
from clubai.transport.lifespan import Lifespan
from clubai.transport.limits import ServerLimits, guarded
from clubai.transport.sockets import accept

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from anyio.abc import Listener, SocketStream, TaskGroup, TaskStatus

    from clubai.transport.limits import App
    from clubai.transport.sockets import Socket

__all__ = ["ServerLimits", "serve_app"]

_MAX_REFUSALS: Final = 64
_LOOKS_PER_TIMEOUT: Final = 8
_RECEIVE_BYTES: Final = 1 << 17
"""Of the kernel's buffer, which asyncio takes into memory whole. Linux doubles it."""
_OUT_OF_FILES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_log = logging.getLogger(__name__)


async def serve_app(
    app: App,
    *,
    host: str,
    port: int,
    limits: ServerLimits | None = None,
    stop: Callable[[], Awaitable[None]] | None = None,
    task_status: TaskStatus[list[str]] = TASK_STATUS_IGNORED,
) -> None:
    """Serve `app` until `stop` returns or the caller cancels.

    Reports the bound addresses, such as `http://127.0.0.1:8080`, once connections are
    accepted and the application's lifespan has started.

    Raises:
        ConfigError: the address cannot be listened on, or Hypercorn is another one.
        Exception: whatever the application's lifespan raised when it started.
    """
    check_version()
    limits = limits or ServerLimits()
    listeners = await _listen(host, port)
    lifespan = Lifespan(app)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lifespan.run)
            try:
                await lifespan.started()
                if lifespan.failure is None:
                    served = _Serving(app, limits, lifespan.state)
                    await served.run(listeners, stop, task_status)
            finally:
                await lifespan.stop()
    finally:
        with anyio.CancelScope(shield=True):
            for listener in listeners:
                await listener.aclose()
    if lifespan.failure is not None:
        raise lifespan.failure


class _Serving:
    """Owns the connections of one `serve_app`."""

    def __init__(self, app: App, limits: ServerLimits, state: dict[str, Any]) -> None:
        self._limits = limits
        self._state = state
        self._context = Context()
        self._config = EdgeConfig()
        self._config.h11_max_incomplete_size = limits.max_header_bytes
        self._config.websocket_max_message_size = limits.max_message_bytes
        self._config.max_app_queue_size = limits.max_queued_messages
        self._config.keep_alive_max_requests = 1 << 30
        self._app = guarded(app, limits)
        self._doors = Doors(limits)
        self._connections: set[Connection] = set()
        self._refusing = 0
        self._emptied = anyio.Event()

    async def run(
        self,
        listeners: Sequence[Listener[SocketStream]],
        stop: Callable[[], Awaitable[None]] | None,
        task_status: TaskStatus[list[str]],
    ) -> None:
        """Accept until the end, then end every connection."""
        async with anyio.create_task_group() as connections:
            try:
                async with anyio.create_task_group() as accepting:
                    accepting.start_soon(self._drop_stalled)
                    accepting.start_soon(self._drop_silent)
                    for listener in listeners:
                        accepting.start_soon(self._accept, listener, connections)
                    task_status.started([_url(listener) for listener in listeners])
                    await (stop or anyio.sleep_forever)()
                    accepting.cancel_scope.cancel()
            finally:
                await self._context.terminated.set()
            for listener in listeners:
                await listener.aclose()
            await self._drain(connections)
            connections.cancel_scope.cancel()

    async def _drop_stalled(self) -> None:
        while True:
            await anyio.sleep(self._limits.send_timeout_s / _LOOKS_PER_TIMEOUT)
            now = time.monotonic()
            for connection in [c for c in self._connections if c.stalls(now)]:
                await connection.abort()

    async def _drop_silent(self) -> None:
        pings = max(round(self._limits.silent_s / self._limits.ping_s) - 1, 1)
        while True:
            await anyio.sleep(self._limits.ping_s)
            for connection in list(self._connections):
                if not await connection.probe(pings):
                    await connection.abort()

    async def _drain(self, tasks: TaskGroup) -> None:
        with anyio.move_on_after(self._limits.drain_s):
            for connection in self._connections:
                tasks.start_soon(connection.retire)
            while self._connections:
                self._emptied = anyio.Event()
                await self._emptied.wait()

    async def _accept(self, listener: Any, connections: TaskGroup) -> None:
        while True:
            try:
                accepted = await accept(listener)
            except (OSError, anyio.BrokenResourceError) as error:
                # A client that is gone again, or no file descriptors left.
                cause = error if isinstance(error, OSError) else error.__cause__
                if getattr(cause, "errno", None) in _OUT_OF_FILES:
                    _log.warning("no connection can be accepted: %s", cause)
                    await anyio.sleep(0.1)
                continue
            connections.start_soon(self._connect, accepted)

    async def _connect(self, accepted: Socket) -> None:
        peer = accepted.remote
        address = peer[0] if peer else ""
        refusal = self._doors.refusal(address, anyio.current_time())
        if refusal:
            await self._refuse(accepted, refusal)
            return
        try:
            await self._hold(accepted)
        except Exception:  # noqa: BLE001 - no connection may end the server
            _log.exception("a connection was dropped")
            await accepted.aclose()
        finally:
            self._doors.leave(address)

    async def _hold(self, accepted: Socket) -> None:
        _tame(accepted, self._limits.silent_s)
        connection = Connection(
            self._app, self._config, self._context, self._limits, self._state, accepted
        )
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
            if not self._connections:
                self._emptied.set()

    async def _refuse(self, accepted: Socket, refusal: bytes) -> None:
        self._refusing += 1
        try:
            if self._refusing <= _MAX_REFUSALS:
                with anyio.move_on_after(1):
                    await accepted.send(refusal)
                    await accepted.send_eof()
                    while True:
                        await accepted.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError, OSError):
            return
        finally:
            self._refusing -= 1
            with anyio.CancelScope(shield=True):
                await accepted.aclose()


def _tame(accepted: Socket, within_s: float) -> None:
    """Have the kernel hold little, and end what is gone without a word."""
    options = [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES),
    ]
    for name, value in (
        ("TCP_KEEPIDLE", within_s / 3),
        ("TCP_KEEPINTVL", within_s / 3),
        ("TCP_KEEPCNT", 2),
        ("TCP_USER_TIMEOUT", within_s * 1000),
    ):
        if hasattr(socket, name):  # not every system has them all
            option = getattr(socket, name)
            options.append((socket.IPPROTO_TCP, option, max(int(value), 1)))
    try:
        for option in options:
            accepted.raw.setsockopt(*option)
    except (OSError, ValueError, AttributeError):  # gone already, in each loop's words
        return


async def _listen(host: str, port: int) -> Sequence[Listener[SocketStream]]:
    if not 0 <= port <= 65_535:
        raise ConfigError("port", port, "a port is a number from 0 to 65535")
    try:
        multi = await anyio.create_tcp_listener(local_host=host, local_port=port)
    except socket.gaierror as error:
        fix = "give an address of this machine, such as 127.0.0.1 or 0.0.0.0"
        raise ConfigError("host", host, fix) from error
    except OSError as error:
        raise _cannot_listen(host, port, error) from error
    return multi.listeners


def _cannot_listen(host: str, port: int, error: OSError) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        fix = "another program listens there; stop it, or choose another port"
        return ConfigError("port", port, fix)
    if error.errno == errno.EACCES:
        fix = "choose a port from 1024 up, or allow this program the lower ones"
        return ConfigError("port", port, fix)
    fix = f"give an address of this machine, such as 127.0.0.1 ({error.strerror})"
    return ConfigError("host", host, fix)


def _url(listener: Any) -> str:
    host, port = listener.extra_attributes[SocketAttribute.local_address]()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
