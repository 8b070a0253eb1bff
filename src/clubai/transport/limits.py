"""What the server allows, and the ASGI guard for what Hypercorn does not limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from clubai.protocol.messages import MAX_MESSAGE_BYTES
from clubai.transport.addresses import Networks, forwarded_for, host_name
from clubai.transport.base import SEND_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_DISCONNECT: Final = {"type": "http.disconnect"}


class ServerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on what clients may cost. Sizes in bytes, times in seconds."""

    max_message_bytes: int = MAX_MESSAGE_BYTES
    """Of one WebSocket message; the connection that sends more is closed: 1009."""
    max_body_bytes: int = 8 << 20
    """Of one request's body; more is answered with 413."""
    max_header_bytes: int = 16 << 10
    """Of a request's head; more is answered with 431."""
    max_connections: int = 1000
    """At once; more are answered with 503."""
    max_connections_per_address: int = 50
    """At once; more are answered with 429. An IPv6 address is its /64."""
    count_loopback: bool = False
    """Whether the bound of one address holds for this machine's own."""
    max_memory_mb: int = 0
    """Of the whole process; over it new connections get 503. 0: no bound."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses whose `X-Forwarded-For` is believed, and that have no bound."""
    max_queued_messages: int = 10
    """Received on one connection and not yet taken by the application."""
    header_timeout_s: float = 10.0
    """From the first byte of a head to its last."""
    body_timeout_s: float = 60.0
    """From the end of the head to the end of the body."""
    keep_alive_s: float = 75.0
    """Between two requests."""
    send_timeout_s: float = SEND_TIMEOUT_S
    """For 64 KiB to be taken; a client that takes nothing for so long is dropped."""
    ping_s: float = 15.0
    """A WebSocket that says nothing for so long is pinged."""
    silent_s: float = 45.0
    """One that does not even answer pings for so long is dropped."""
    drain_s: float = 3.0
    """After `stop`, for what is being answered; then connections are cut."""
    server_names: tuple[str, ...] = ()
    """The host names that are answered to, without port; empty means all."""

    def __post_init__(self) -> None:
        for field in self.__struct_fields__:
            value = getattr(self, field)
            if isinstance(value, bool | tuple) or field == "max_memory_mb":
                continue
            if not value > 0:
                raise ValueError(f"{field} = {value!r} must be over 0")


def error_body(message: str, code: str) -> bytes:
    """Return an error in the shape that OpenAI clients know."""
    error = {
        "message": message,
        "type": "invalid_request_error",
        "param": None,
        "code": code,
    }
    return msgspec.json.encode({"error": error})


def guarded(app: App, limits: ServerLimits) -> App:
    """Return `app` behind the limit on bodies and the check of the host.

    It is told whom a request came from, as far as our own proxies know.
    """
    names = frozenset(name.lower() for name in limits.server_names)
    proxies = Networks(limits.trusted_proxies)
    most = limits.max_body_bytes

    async def guard(
        scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> None:
        if names and scope["type"] != "lifespan" and _host(scope) not in names:
            await _refuse_host(scope, send)
            return
        if proxies and scope.get("client"):
            peer, port = scope["client"]
            seen = forwarded_for(scope["headers"], peer, proxies)
            scope["client"] = (seen, port)
        if scope["type"] == "http":
            length = _announced(scope)
            if length is None:
                counted = _Counted(receive, send, most)
                await counted.run(app, scope)
                return
            if length > most:
                await _refuse_body(send, most)
                return
        await app(scope, receive, send)

    return guard


class _Counted:
    """A request whose body has no announced length: counted as it comes."""

    def __init__(self, receive: Receive, send: Send, most: int) -> None:
        self._receive = receive
        self._send = send
        self._most = most
        self._size = 0
        self._begun = False
        self._refused = False

    async def run(self, app: App, scope: MutableMapping[str, Any]) -> None:
        try:
            await app(scope, self.receive, self.send)
        except Exception:
            # Having been refused, it may fail in any way it likes.
            if not self._refused:
                raise

    async def receive(self) -> Message:
        if self._refused:
            return dict(_DISCONNECT)
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size <= self._most:
            return message
        self._refused = True
        if not self._begun:
            await _refuse_body(self._send, self._most)
        return dict(_DISCONNECT)

    async def send(self, message: Message) -> None:
        if not self._refused:
            self._begun = True
            await self._send(message)


def _announced(scope: MutableMapping[str, Any]) -> int | None:
    """Return the length of the body, None if it is only known at its end."""
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            return int(value)
    return 0


def _host(scope: MutableMapping[str, Any]) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            return host_name(value)
    return ""


async def _refuse_body(send: Send, most: int) -> None:
    body = error_body(f"the body is over {most} bytes", "request_too_large")
    await _answer(send, "http.response", 413, body)


async def _refuse_host(scope: MutableMapping[str, Any], send: Send) -> None:
    kind = "http.response" if scope["type"] == "http" else "websocket.http.response"
    body = error_body(
        "this host name is not served here: whoever runs it names its hosts"
        " (CLUBAI_HOSTS)",
        "unknown_host",
    )
    await _answer(send, kind, 404, body)


async def _answer(send: Send, kind: str, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
