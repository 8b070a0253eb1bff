"""A dialled WebSocket under trio, by the trio-websocket library."""

from __future__ import annotations

import logging
import ssl
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import anyio
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, wrap_client_stream
from wsproto.utilities import ProtocolError

from clubai.transport.base import ABNORMAL_CLOSURE, CLOSE_TIMEOUT_S, ending
from clubai.transport.target import Refusal, Target, refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from anyio.abc import TaskGroup

_QUEUED_MESSAGES: Final = 4
_RECEIVE_BYTES: Final = 1 << 16

_log = logging.getLogger(__name__)

_Stream: TypeAlias = "trio.SocketStream | trio.SSLStream[trio.SocketStream]"


class _Reader:
    """Stands for a nursery, and keeps what the library's reader raises.

    The library tells a failed handshake by an exception out of its reader task, and
    some failures not at all: the reader just ends.
    """

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._opening = anyio.CancelScope()
        # Shielded, for a cancelled caller still has a close to say and to read.
        self._running = anyio.CancelScope(shield=True)
        self._failure: Exception | None = None
        self._open = False

    def start_soon(self, run: Callable[[], Awaitable[None]]) -> None:
        self._tasks.start_soon(self._run, run)

    async def opened(self, opening: Callable[[], Awaitable[Any]]) -> Any:
        """Wait for the handshake, or raise why there will be none."""
        with self._opening:
            connection = await opening()
            self._open = True
            return connection
        if isinstance(self._failure, ConnectionRejected):
            rejected = self._failure
            raise refusal(rejected.status_code, rejected.body)
        raise Refusal("what answers there is not a WebSocket")

    def stop(self) -> None:
        """End the reader; whoever waits for a message gets the end."""
        self._running.cancel()

    async def _run(self, run: Callable[[], Awaitable[None]]) -> None:
        try:
            with self._running:
                await run()
        except Exception as error:  # noqa: BLE001 - whatever it is, the link is gone
            self._failure = error
            if self._open:
                _log.debug("the reader failed", exc_info=error)
        finally:
            if not self._open:
                self._opening.cancel()


class _Gathering(trio.abc.Stream):
    """A stream that can hold what it is given, to send several messages at once."""

    def __init__(self, stream: _Stream) -> None:
        self._inner = stream
        self._holding = False
        self._held = b""

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep what is sent until `flush`."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False

    async def flush(self) -> None:
        """Send what was kept."""
        if self._held:
            held, self._held = self._held, b""
            await self._inner.send_all(held)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self._holding:
            self._held += data
            await trio.lowlevel.checkpoint()
            return
        await self.flush()
        await self._inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._inner.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self._inner.aclose()


class _TrioWire:
    """See `websocket.Wire`."""

    def __init__(self, connection: Any, stream: _Gathering, reader: _Reader) -> None:
        self._connection = connection
        self._reader = reader
        self._stream = stream
        self.subprotocol: str | None = connection.subprotocol

    async def send(self, items: list[bytes]) -> None:
        try:
            with self._stream.held() if len(items) > 1 else nullcontext():
                for item in items:
                    await self._connection.send_message(item)
            await self._stream.flush()
        except ConnectionClosed as error:
            raise _ended(error) from error
        except (ProtocolError, trio.BrokenResourceError) as error:
            raise anyio.BrokenResourceError from error
        except trio.ClosedResourceError as error:
            raise anyio.BrokenResourceError from error

    async def receive(self) -> bytes:
        try:
            message: bytes | str = await self._connection.get_message()
        except ConnectionClosed as error:
            raise _ended(error) from error
        if isinstance(message, str):
            with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
                await self._connection.aclose(4002, "text is not spoken")
            raise anyio.BrokenResourceError("the peer sent text")
        return message

    async def close(self) -> None:
        await self._connection.aclose()

    async def abort(self) -> None:
        self._reader.stop()
        await trio.aclose_forcefully(self._stream)


async def dial(target: Target, tasks: TaskGroup) -> _TrioWire:
    """Open a connection; raises `Refusal` and `OSError`."""
    stream = _Gathering(await _open_stream(target))
    reader = _Reader(tasks)

    async def opening() -> Any:
        return await wrap_client_stream(
            cast("trio.Nursery", reader),
            cast("trio.SocketStream", stream),
            target.netloc,
            target.resource,
            subprotocols=target.subprotocols,
            extra_headers=[(k.encode(), v.encode()) for k, v in target.headers],
            message_queue_size=_QUEUED_MESSAGES,
            max_message_size=target.max_message_bytes,
            receive_buffer_size=_RECEIVE_BYTES,
        )

    try:
        return _TrioWire(await reader.opened(opening), stream, reader)
    except BaseException:
        reader.stop()
        await trio.aclose_forcefully(stream)
        raise


async def _open_stream(target: Target) -> _Stream:
    if not target.secure:
        return await trio.open_tcp_stream(target.host, target.port)
    stream = await trio.open_ssl_over_tcp_stream(
        target.host,
        target.port,
        ssl_context=ssl.create_default_context(),
        https_compatible=True,
    )
    try:
        await stream.do_handshake()
    except trio.BrokenResourceError as error:
        await trio.aclose_forcefully(stream)
        raise OSError(f"no TLS: {error.__cause__ or error}") from error
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


def _ended(error: Any) -> anyio.EndOfStream | anyio.BrokenResourceError:
    if error.reason is None:
        return anyio.BrokenResourceError("the connection broke")
    return ending(error.reason.code or ABNORMAL_CLOSURE, error.reason.reason or "")
