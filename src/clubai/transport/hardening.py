"""Hypercorn's HTTP/1.1 and WebSocket code, with its known holes closed.

Nothing is patched: these are subclasses of Hypercorn's protocol classes, used by
`connection`. They reach into what Hypercorn does not promise to keep, so
`check_version` refuses any release but the one they were written for. Each hole:

- permessage-deflate, which inflates without limit, is never negotiated;
- a message's size is checked before its bytes are kept, and the connection ends there;
- bytes that follow an upgrade request at once end that connection and nothing else;
- no HTTP/2, neither by upgrade nor by prior knowledge;
- pings and fragments, which cost work and count nowhere, are counted;
- an application that sends to a client that is gone is told so.
"""

from __future__ import annotations

import importlib.metadata
import logging
import time
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final, cast

import h11
from hypercorn.config import Config
from hypercorn.events import RawData
from hypercorn.protocol.events import (
    Body,
    Data,
    Request,
    Response,
    StreamClosed,
)
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol, H11WSConnection
from hypercorn.protocol.http_stream import ASGIHTTPState, HTTPStream
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from clubai.errors import ConfigError
from clubai.protocol.messages import CloseCode
from clubai.transport.base import ABNORMAL_CLOSURE, NORMAL_CLOSURE
from clubai.transport.plain_frames import PlainFrames
from clubai.transport.response_head import looked_over

if TYPE_CHECKING:
    from hypercorn.events import Event as SocketEvent
    from hypercorn.protocol.events import Event
    from hypercorn.typing import HTTPResponseStartEvent
    from wsproto.events import Message

HYPERCORN_VERSION: Final = "0.18.0"
_SERVER_ERROR: Final = 1011
_FINAL: Final = 200
"""The least status that ends the wait for a response."""
_RECEIVING: Final = (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING)
MAX_NOISE: Final = 1000
"""Pings, pongs and pieces of fragmented messages between two calls of `forgive`."""

_log = logging.getLogger("clubai.transport.server")


class ClientGone(OSError):
    """An application sent to a client that is not there any more."""


def check_version() -> None:
    """Refuse to run with a Hypercorn that these classes do not know.

    Raises:
        ConfigError: it is another version than `HYPERCORN_VERSION`.
    """
    found = importlib.metadata.version("hypercorn")
    if found != HYPERCORN_VERSION:
        fix = (
            f"install hypercorn=={HYPERCORN_VERSION}, which the server is hardened for"
        )
        raise ConfigError("hypercorn", found, fix)


class EdgeConfig(Config):
    """Hypercorn's configuration, cheap to ask per request."""

    def __init__(self) -> None:
        self._log = _EdgeLog()  # type: ignore[assignment]
        self._second = 0
        self._headers: list[tuple[bytes, bytes]] = []

    def response_headers(self, protocol: str) -> list[tuple[bytes, bytes]]:
        """Return the date, made once a second, and no word about the server."""
        now = int(time.time())
        if now != self._second:
            self._second = now
            self._headers = [(b"date", formatdate(now, usegmt=True).encode())]
        return self._headers


class _EdgeLog:
    """Hypercorn's own messages go through logging; there is no access log."""

    async def access(self, *_: object) -> None:
        return

    async def info(self, message: str, *args: object, **_: object) -> None:
        _log.info(message, *args)

    async def warning(self, message: str, *args: object, **_: object) -> None:
        _log.warning(message, *args)

    async def exception(self, message: str, *args: object, **_: object) -> None:
        _log.exception(message, *args)


class HttpStream(HTTPStream):
    """One request and its response."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.app_put = _nowhere

    async def app_send(self, message: Any) -> None:
        """Take one ASGI message of the application, None at its end."""
        if self.closed and message is not None:
            raise ClientGone
        begins = message is not None and message["type"] == "http.response.start"
        if not begins or self.state is not ASGIHTTPState.REQUEST:
            await super().app_send(message)
            return
        # As Hypercorn does, but for its look at the headers: `Http1` sees to that.
        self.response = cast("HTTPResponseStartEvent", message)
        await self.send(
            Response(
                stream_id=self.stream_id,
                headers=list(message.get("headers", ())),
                status_code=int(message["status"]),
            )
        )
        self.state = ASGIHTTPState.RESPONSE


class WebSocketStream(WSStream):
    """One WebSocket, from its upgrade request to its end."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._frames = PlainFrames(self.config.websocket_max_message_size)
        self._message = bytearray()
        self._noise = 0
        self._ending = (ABNORMAL_CLOSURE, "")

    async def handle(self, event: Event) -> None:
        """Take one event of the connection."""
        if self.closed:
            return
        if isinstance(event, (Data, Body)):
            await self._take(event.data)
        elif isinstance(event, StreamClosed):
            self.closed = True
            await self._tell_disconnect()
        elif isinstance(event, Request):
            kept = [h for h in event.headers if h[0] != b"sec-websocket-extensions"]
            await super().handle(replace(event, headers=kept))
            if self.closed:
                await self.send(StreamClosed(stream_id=self.stream_id))

    async def app_send(self, message: Any) -> None:
        """Take one ASGI message of the application, None at its end."""
        if self.closed:
            if message is not None and message["type"] == "websocket.send":
                raise ClientGone
            return
        if self.state is ASGIWebsocketState.CONNECTED:
            if message is None:
                await self.say_close(_SERVER_ERROR)
                await self.send(StreamClosed(stream_id=self.stream_id))
                return
            # Hypercorn drops what is sent once one side has said goodbye, without a
            # word and without waiting: a loop that sends would never end.
            ended = self.connection.state is not ConnectionState.OPEN
            if ended and message["type"] == "websocket.send":
                raise ClientGone
        if message is not None and message["type"] == "websocket.close":
            self._ending = (NORMAL_CLOSURE, "")
            await self._tell_disconnect()
        await super().app_send(message)

    async def say_close(self, code: int) -> None:
        """Send a close frame; a server that stops says so in place of `code`."""
        if self.state is not ASGIWebsocketState.CONNECTED:
            return
        stopping = self.context.terminated.is_set()
        await self._send_wsproto_event(
            CloseConnection(code=CloseCode.RESTARTING if stopping else code)
        )

    async def ping(self) -> None:
        """Ask whether the peer is still there."""
        if self._is_open:
            await self._send_wsproto_event(Ping())

    def forgive(self) -> None:
        """Forget the pings and fragments that came until now."""
        self._noise = 0

    @property
    def _is_open(self) -> bool:
        connected = self.state is ASGIWebsocketState.CONNECTED
        return connected and self.connection.state is ConnectionState.OPEN

    async def _take(self, data: bytes) -> None:
        if not self.handshake.accepted:
            if self.state is ASGIWebsocketState.HANDSHAKE:
                self.state = ASGIWebsocketState.HTTPCLOSED
                await self._send_error_response(400)
            await self.send(StreamClosed(stream_id=self.stream_id))
            return
        for plain, piece in self._frames.cut(data):
            if self.closed or self.connection.state not in _RECEIVING:
                return
            if plain:
                await self._deliver(piece, text=False)
            else:
                self.connection.receive_data(piece)
                await self._handle_events()

    async def _handle_events(self) -> None:
        for event in self.connection.events():
            # By their own classes: to ask for the abstract one costs three calls.
            if isinstance(event, (BytesMessage, TextMessage)):
                if not await self._take_part(event):
                    return
                if event.message_finished or not event.frame_finished:
                    continue
            elif isinstance(event, CloseConnection):
                await self._take_close(event)
                return
            elif isinstance(event, Ping):
                await self._send_wsproto_event(event.response())
            self._noise += 1
            if self._noise > MAX_NOISE:
                await self._end(CloseCode.TOO_MANY, "too many pings or fragments")
                return

    async def _take_part(self, event: Message[Any]) -> bool:
        text = not isinstance(event, BytesMessage)
        part: bytes = event.data.encode() if text else event.data
        if len(self._message) + len(part) > self.config.websocket_max_message_size:
            await self._end(CloseCode.TOO_BIG, "the message is too big")
            return False
        if event.message_finished and not self._message:
            await self._deliver(part, text=text)
            return True
        self._message += part
        if event.message_finished:
            whole = bytes(self._message)
            self._message.clear()
            await self._deliver(whole, text=text)
        return True

    async def _deliver(self, whole: bytes, *, text: bool) -> None:
        if self.app_put is not None:
            await self.app_put(
                {
                    "type": "websocket.receive",
                    "bytes": None if text else whole,
                    "text": whole.decode() if text else None,
                }
            )

    async def _take_close(self, event: CloseConnection) -> None:
        if self.connection.state is ConnectionState.OPEN:
            await self._end(event.code, "the frames are broken")
            return
        if self.connection.state is ConnectionState.REMOTE_CLOSING:
            self._ending = (event.code, event.reason or "")
            await self._send_wsproto_event(event.response())
        await self.send(StreamClosed(stream_id=self.stream_id))

    async def _end(self, code: int, reason: str) -> None:
        self._ending = (code, reason)
        self._message.clear()
        await self._send_wsproto_event(CloseConnection(code=code, reason=reason))
        await self.send(StreamClosed(stream_id=self.stream_id))

    async def _tell_disconnect(self) -> None:
        if self.app_put is not None:
            code, reason = self._ending
            await self.app_put(
                {"type": "websocket.disconnect", "code": code, "reason": reason}
            )


class Http1(H11Protocol):
    """One connection's HTTP/1.1, and what it is upgraded to."""

    async def handle(self, event: SocketEvent) -> None:
        """Take what came from the socket, or its end."""
        if self.upgraded and isinstance(event, RawData):
            # Hypercorn would look for events of HTTP first: there are none any more.
            if self.stream is not None:
                await self.stream.handle(Data(stream_id=STREAM_ID, data=event.data))
        else:
            await super().handle(event)

    @property
    def upgraded(self) -> bool:
        """Whether a WebSocket has taken over."""
        return isinstance(self.connection, H11WSConnection)

    @property
    def awaits_head(self) -> bool:
        """Whether the next thing to come is the head of a request."""
        return self.connection.their_state is h11.IDLE

    @property
    def awaits_body(self) -> bool:
        """Whether a request has come in part."""
        return self.connection.their_state is h11.SEND_BODY

    @property
    def holds_part(self) -> bool:
        """Whether the beginning of something is buffered."""
        return bool(self.connection.trailing_data[0])

    async def retire(self) -> bool:
        """Begin to end; False if a response is still to be finished."""
        if isinstance(self.stream, WebSocketStream):
            await self.stream.say_close(CloseCode.RESTARTING)
            return False
        return self.stream is None

    async def ping(self) -> None:
        """Ask a WebSocket's peer whether it is still there."""
        if isinstance(self.stream, WebSocketStream):
            await self.stream.ping()

    def forgive(self) -> None:
        """Forget the pings and fragments that came until now."""
        if isinstance(self.stream, WebSocketStream):
            self.stream.forgive()

    async def stream_send(self, event: Event) -> None:
        """Take what a stream has to say."""
        if isinstance(event, Response) and event.status_code >= _FINAL:
            ours = self.config.response_headers("h11")
            headers = looked_over([*event.headers, *ours])
            await self._send_h11_event(
                h11.Response(headers=headers, status_code=event.status_code)
            )
        else:
            await super().stream_send(event)

    async def _check_protocol(self, event: h11.Request) -> None:
        return

    async def _create_stream(self, request: h11.Request) -> None:
        upgrade = _asks_for_websocket(request)
        kind = WebSocketStream if upgrade else HttpStream
        stream = kind(
            self.app,
            self.config,
            self.context,
            self.task_group,
            self.ssl,
            self.client,
            self.server,
            self.stream_send,
            STREAM_ID,
        )
        self.stream = stream
        if upgrade:
            self.connection = H11WSConnection(cast("h11.Connection", self.connection))
        self.keep_alive_requests += 1
        await stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=list(request.headers),
                http_version=request.http_version.decode(),
                method=request.method.decode("ascii").upper(),
                raw_path=request.target,
                state=self.connection_state,
            )
        )


async def _nowhere(_: object) -> None:
    return


def _asks_for_websocket(request: h11.Request) -> bool:
    if request.method != b"GET":
        return False
    upgrade = connection = b""
    for name, value in request.headers:
        if name == b"upgrade":
            upgrade = value
        elif name == b"connection":
            connection = value
    tokens = (token.strip() for token in connection.lower().split(b","))
    return upgrade.strip().lower() == b"websocket" and b"upgrade" in tokens
