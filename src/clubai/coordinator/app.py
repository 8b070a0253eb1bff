"""The coordinator's HTTP routes: connections, accounts, what may be seen.

Every route that is not public authenticates in its own endpoint; nothing is decided
by a path's prefix.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import anyio
import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from clubai.coordinator import openapi, status
from clubai.coordinator.accounts import Member
from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.metrics import render_metrics
from clubai.errors import (
    AuthenticationError,
    ClubAIError,
    ConfigError,
    PermissionDenied,
    RateLimited,
    StorageError,
)
from clubai.protocol.messages import SUBPROTOCOL
from clubai.transport.asgi import WebSocketStream

T = TypeVar("T")
Endpoint = Callable[[Request], Awaitable[Response]]

MAX_BODY_BYTES = 65_536
FEED_PING_SECONDS = 15.0


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name and its password."""

    name: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(name={self.name!r})"


class KeyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a new API key is for."""

    label: str = ""


class Api:
    """The endpoints of one coordinator."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    def routes(self) -> list[BaseRoute]:
        """All routes, for the application that serves them."""
        return [
            WebSocketRoute("/nodes/connect", self.connect_node),
            WebSocketRoute("/clients/connect", self.connect_client),
            self._route("/api/register", self.register, "POST"),
            self._route("/api/login", self.login, "POST"),
            self._route("/api/me", self.me, "GET"),
            self._route("/api/keys", self.make_key, "POST"),
            self._route("/api/keys", self.list_keys, "GET"),
            self._route("/api/keys/{key_id}", self.revoke_key, "DELETE"),
            self._route("/api/nodes", self.nodes, "GET"),
            self._route("/api/models", self.models, "GET"),
            self._route("/api/tasks", self.tasks, "GET"),
            self._route("/api/stats", self.stats, "GET"),
            self._route("/api/events", self.events, "GET"),
            self._route("/health", self.health, "GET"),
            self._route("/ready", self.ready, "GET"),
            self._route("/metrics", self.metrics, "GET"),
            self._route("/openapi.json", self.openapi, "GET"),
            self._route("/", self.status_page, "GET"),
        ]

    def _route(self, path: str, endpoint: Endpoint, method: str) -> Route:
        return Route(path, _guarded(endpoint), methods=[method])

    async def _member(self, request: Request) -> Member:
        return await self._coordinator.accounts.authenticate(
            bearer_of(request.headers.get("authorization"))
        )

    async def connect_node(self, websocket: WebSocket) -> None:
        """`/nodes/connect`: authenticated before the upgrade; browsers are refused."""
        if websocket.headers.get("origin") is not None:
            reason = "a node's connection never comes from a web page"
            await _deny(websocket, PermissionDenied("connecting", reason))
            return
        member = await self._admit(websocket)
        if member is not None:
            await self._coordinator.serve_node(WebSocketStream(websocket), member)

    async def connect_client(self, websocket: WebSocket) -> None:
        """`/clients/connect`: authenticated before the upgrade."""
        member = await self._admit(websocket)
        if member is not None:
            await self._coordinator.serve_client(WebSocketStream(websocket), member)

    async def _admit(self, websocket: WebSocket) -> Member | None:
        try:
            member = await self._coordinator.accounts.authenticate(
                bearer_of(websocket.headers.get("authorization"))
            )
        except ClubAIError as error:
            await _deny(websocket, error)
            return None
        offered = websocket.scope.get("subprotocols", [])
        chosen = SUBPROTOCOL if SUBPROTOCOL in offered else None
        await websocket.accept(subprotocol=chosen)
        return member

    async def register(self, request: Request) -> Response:
        """Make an account."""
        wanted = await _body(request, Credentials)
        row = await self._coordinator.accounts.register(wanted.name, wanted.password)
        self._coordinator.feed.members += 1
        member = {"id": row.id, "name": row.name, "role": row.role}
        return _json({"member": member}, status_code=201)

    async def login(self, request: Request) -> Response:
        """Exchange a name and its password for an access token."""
        given = await _body(request, Credentials)
        address = request.client.host if request.client else ""
        token = await self._coordinator.accounts.login(
            given.name, given.password, address=address
        )
        member = await self._coordinator.accounts.authenticate(token.access)
        return _json(
            {
                "access_token": token.access,
                "token_type": "Bearer",
                "expires_at": token.expires_at,
                "member": member,
            }
        )

    async def me(self, request: Request) -> Response:
        """Who the caller is."""
        return _json(await self._member(request))

    async def make_key(self, request: Request) -> Response:
        """Make an API key for the caller; its text is in this answer and nowhere."""
        member = await self._member(request)
        wanted = await _body(request, KeyRequest)
        key = await self._coordinator.accounts.create_api_key(member.id, wanted.label)
        return _json({"id": key.id, "api_key": key.text}, status_code=201)

    async def list_keys(self, request: Request) -> Response:
        """The caller's keys, without their secrets."""
        member = await self._member(request)
        rows = await self._coordinator.accounts.list_api_keys(member.id)
        return _json({"keys": rows})

    async def revoke_key(self, request: Request) -> Response:
        """End one of the caller's keys."""
        member = await self._member(request)
        await self._coordinator.accounts.revoke_api_key(
            member.id, request.path_params["key_id"]
        )
        return Response(status_code=204)

    async def nodes(self, request: Request) -> Response:
        """The club's nodes."""
        await self._member(request)
        return _json({"nodes": self._coordinator.feed.nodes()})

    async def models(self, request: Request) -> Response:
        """The models that they offer."""
        await self._member(request)
        return _json({"models": self._coordinator.driver.machine.models()})

    async def tasks(self, request: Request) -> Response:
        """The caller's tasks of this run, live and recent; an operator sees all."""
        member = await self._member(request)
        limit = _whole_number(request.query_params.get("limit", "50"), "limit")
        return _json({"tasks": self._coordinator.snapshot(member).tasks[:limit]})

    async def stats(self, request: Request) -> Response:
        """The club's counts."""
        await self._member(request)
        return _json(self._coordinator.feed.stats())

    async def events(self, request: Request) -> Response:
        """The feed: a snapshot now and after changes, as server-sent events."""
        member = await self._member(request)
        return EventFeed(self._coordinator.feed.watch(member, 0.5))

    async def health(self, _request: Request) -> Response:
        """Alive."""
        return _json({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """Able to take work and to store its facts."""
        if self._coordinator.driver.storing:
            return _json({"status": "ready"})
        return _json({"status": "the store cannot be written"}, status_code=503)

    async def metrics(self, request: Request) -> Response:
        """Counts for Prometheus."""
        await self._member(request)
        return PlainTextResponse(
            render_metrics(self._coordinator), media_type="text/plain; version=0.0.4"
        )

    async def openapi(self, _request: Request) -> Response:
        """The description of this API."""
        return _json(openapi.document())

    async def status_page(self, _request: Request) -> Response:
        """A plain page for people who open the address."""
        return status.page(self._coordinator)


class EventFeed(Response):
    """Server-sent events of snapshots, until the reader leaves."""

    def __init__(self, snapshots: AsyncIterator[msgspec.Struct]) -> None:
        super().__init__()
        self._snapshots = snapshots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it: the connection's end cancels the feed."""
        headers = [
            (b"content-type", b"text/event-stream"),
            (b"cache-control", b"no-cache"),
            (b"x-accel-buffering", b"no"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until_disconnect, receive, tasks.cancel_scope)
            tasks.start_soon(_ping, send)
            async for snapshot in self._snapshots:
                data = b"data: " + msgspec.json.encode(snapshot) + b"\n\n"
                await _send_part(send, data)


async def _until_disconnect(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _ping(send: Send) -> None:
    while True:
        await anyio.sleep(FEED_PING_SECONDS)
        await _send_part(send, b": ping\n\n")


async def _send_part(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


def bearer_of(authorization: str | None) -> str:
    """The token of an `Authorization: Bearer` header.

    Raises:
        AuthenticationError: there is none.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise AuthenticationError(
            "no API key was given: send the header 'Authorization: Bearer KEY'"
        )
    return token.strip()


def _guarded(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ClubAIError as error:
            return _error(error)

    return guarded


def status_of(error: ClubAIError) -> tuple[int, str]:
    """The HTTP status and the error type of a failure of these routes."""
    match error:
        case AuthenticationError():
            return 401, "authentication_error"
        case PermissionDenied():
            return 403, "permission_error"
        case RateLimited():
            return 429, "rate_limit_error"
        case ConfigError():
            return 400, "invalid_request_error"
        case StorageError():
            return 503, "server_error"
        case _:
            return 500, "server_error"


def _error(error: ClubAIError) -> Response:
    code, type_ = status_of(error)
    param = error.field if isinstance(error, ConfigError) else None
    headers = {}
    if isinstance(error, RateLimited):
        headers["retry-after"] = str(max(round(error.retry_after), 1))
    if code == 401:
        headers["www-authenticate"] = "Bearer"
    body = {"message": str(error), "type": type_, "param": param, "code": None}
    return _json({"error": body}, status_code=code, headers=headers)


async def _deny(websocket: WebSocket, error: ClubAIError) -> None:
    await websocket.send_denial_response(_error(error))


async def _body(request: Request, type_: type[T]) -> T:
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY_BYTES:
            raise ConfigError(
                "body", f"{len(data)} bytes", f"send at most {MAX_BODY_BYTES}"
            )
    try:
        return msgspec.json.decode(data or b"{}", type=type_)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigError("body", "...", str(error)) from error


def _whole_number(text: str, field: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise ConfigError(field, text, "give a whole number from 0 to 999999")
    return int(text)


def _json(
    value: Any, *, status_code: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(
        msgspec.json.encode(value),
        status_code=status_code,
        headers=headers,
        media_type="application/json",
    )
