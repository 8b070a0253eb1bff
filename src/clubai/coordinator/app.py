"""The coordinator's HTTP routes: connections, accounts, what may be seen.

Every route that is not public authenticates in its own endpoint; nothing is decided
by a path's prefix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Match, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from clubai.coordinator import openapi, status
from clubai.coordinator.accounts import Member
from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.event_stream import EventStream
from clubai.coordinator.key_routes import KeyRoutes
from clubai.coordinator.limits import Kind, Place
from clubai.coordinator.metrics import render_metrics
from clubai.coordinator.node_routes import node_routes
from clubai.coordinator.origins import refuse_foreign
from clubai.coordinator.replies import (
    Endpoint,
    Problem,
    address_of,
    bearer_of,
    guarded,
    json_reply,
    read_body,
    refusal,
    unknown_path,
    upgrade_required,
    whole_number,
    wrong_method,
)
from clubai.errors import ClubAIError, PermissionDenied
from clubai.protocol.messages import SUBPROTOCOL
from clubai.protocol.session import CLIENT_PATH, NODE_PATH
from clubai.transport.asgi import WebSocketStream

FEED_SECONDS: Final = 0.5
"""Between two snapshots of `/api/events`."""

_SOCKETS: Final = (NODE_PATH, CLIENT_PATH)


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
        """All routes, for the application that serves them; the last takes the rest."""
        routes = [
            self._route("/api/register", self.register, "POST"),
            self._route("/api/login", self.login, "POST"),
            self._route("/api/me", self.me, "GET"),
            self._route("/api/keys", self.make_key, "POST"),
            self._route("/api/keys", self.list_keys, "GET"),
            self._route("/api/keys/{key_id}", self.revoke_key, "DELETE"),
            self._route("/api/nodes", self.nodes, "GET"),
            *node_routes(self._coordinator),
            self._route("/api/models", self.models, "GET"),
            self._route("/api/tasks", self.tasks, "GET"),
            self._route("/api/stats", self.stats, "GET"),
            self._route("/api/events", self.events, "GET"),
            *KeyRoutes(self._coordinator).routes(),
            self._route("/health", self.health, "GET"),
            self._route("/ready", self.ready, "GET"),
            self._route("/metrics", self.metrics, "GET"),
            self._route("/openapi.json", self.openapi, "GET"),
            self._route("/", self.status_page, "GET"),
        ]
        return [
            WebSocketRoute(NODE_PATH, self.connect_node),
            WebSocketRoute(CLIENT_PATH, self.connect_client),
            WebSocketRoute("/{rest:path}", _no_such_socket),
            *routes,
            Route("/{rest:path}", _Nowhere(routes)),
        ]

    def _route(self, path: str, endpoint: Endpoint, method: str) -> Route:
        return Route(path, guarded(endpoint), methods=[method])

    async def _member(self, request: Request) -> Member:
        return await self._coordinator.accounts.authenticate(
            bearer_of(request.headers.get("authorization"))
        )

    async def connect_node(self, websocket: WebSocket) -> None:
        """`NODE_PATH`: by a ticket, before the upgrade; browsers are refused."""
        if websocket.headers.get("origin") is not None:
            reason = "a node's connection never comes from a web page"
            denied = PermissionDenied("connecting", reason)
            await websocket.send_denial_response(refusal(denied))
            return
        with self._coordinator.places.place() as place:
            try:
                ticket, owner = await self._coordinator.logins.redeem(
                    bearer_of(websocket.headers.get("authorization"))
                )
                place.take("nodes", owner.id, address_of(websocket))
            except ClubAIError as error:
                await websocket.send_denial_response(refusal(error))
                return
            await _accept(websocket)
            stream = WebSocketStream(websocket)
            await self._coordinator.serve_node(stream, owner, ticket)

    async def connect_client(self, websocket: WebSocket) -> None:
        """`CLIENT_PATH`: authenticated before the upgrade; no foreign page."""
        with self._coordinator.places.place() as place:
            member = await self._admit(websocket, place, "clients")
            if member is not None:
                await self._coordinator.serve_client(WebSocketStream(websocket), member)

    async def _admit(
        self, websocket: WebSocket, place: Place, kind: Kind
    ) -> Member | None:
        try:
            refuse_foreign(websocket)
            member = await self._coordinator.accounts.authenticate(
                bearer_of(websocket.headers.get("authorization"))
            )
            place.take(kind, member.id, address_of(websocket))
        except ClubAIError as error:
            await websocket.send_denial_response(refusal(error))
            return None
        await _accept(websocket)
        return member

    async def register(self, request: Request) -> ASGIApp:
        """Make an account."""
        wanted = await read_body(request, Credentials)
        row = await self._coordinator.accounts.register(
            wanted.name, wanted.password, address=address_of(request)
        )
        self._coordinator.feed.members += 1
        member = {"id": row.id, "name": row.name, "role": row.role}
        return json_reply({"member": member}, status_code=201)

    async def login(self, request: Request) -> ASGIApp:
        """Exchange a name and its password for an access token."""
        given = await read_body(request, Credentials)
        token = await self._coordinator.accounts.login(
            given.name, given.password, address=address_of(request)
        )
        member = await self._coordinator.accounts.authenticate(token.access)
        return json_reply(
            {
                "access_token": token.access,
                "token_type": "Bearer",
                "expires_at": token.expires_at,
                "member": member,
            }
        )

    async def me(self, request: Request) -> ASGIApp:
        """Who the caller is."""
        return json_reply(await self._member(request))

    async def make_key(self, request: Request) -> ASGIApp:
        """Make an API key for the caller; its text is in this answer and nowhere."""
        member = await self._member(request)
        wanted = await read_body(request, KeyRequest)
        key = await self._coordinator.accounts.create_api_key(member.id, wanted.label)
        return json_reply({"id": key.id, "api_key": key.text}, status_code=201)

    async def list_keys(self, request: Request) -> ASGIApp:
        """The caller's keys, without their secrets."""
        member = await self._member(request)
        rows = await self._coordinator.accounts.list_api_keys(member.id)
        return json_reply({"keys": rows})

    async def revoke_key(self, request: Request) -> ASGIApp:
        """End one of the caller's keys."""
        member = await self._member(request)
        await self._coordinator.accounts.revoke_api_key(
            member.id, request.path_params["key_id"]
        )
        return Response(status_code=204)

    async def nodes(self, request: Request) -> ASGIApp:
        """The club's nodes."""
        await self._member(request)
        return json_reply({"nodes": self._coordinator.feed.nodes()})

    async def models(self, request: Request) -> ASGIApp:
        """The models that they offer."""
        await self._member(request)
        return json_reply({"models": self._coordinator.driver.machine.models()})

    async def tasks(self, request: Request) -> ASGIApp:
        """The caller's tasks of this run, live and recent; an operator sees all."""
        member = await self._member(request)
        limit = whole_number(request.query_params.get("limit", "50"), "limit")
        return json_reply({"tasks": self._coordinator.feed.tasks(member)[:limit]})

    async def stats(self, request: Request) -> ASGIApp:
        """The club's counts."""
        await self._member(request)
        return json_reply(self._coordinator.feed.stats())

    async def events(self, request: Request) -> ASGIApp:
        """The feed: a snapshot now and after changes, as server-sent events."""
        member = await self._member(request)
        return EventStream(self._coordinator.feed.watch(member, FEED_SECONDS))

    async def health(self, _request: Request) -> ASGIApp:
        """Alive."""
        return json_reply({"status": "ok"})

    async def ready(self, _request: Request) -> ASGIApp:
        """Able to take work and to store its facts."""
        driver = self._coordinator.driver
        if driver.refuse_new:
            return json_reply({"status": "stopping"}, status_code=503)
        if not driver.storing:
            reason = "the store cannot be written"
            return json_reply({"status": reason}, status_code=503)
        return json_reply({"status": "ready"})

    async def metrics(self, request: Request) -> ASGIApp:
        """Counts for Prometheus."""
        await self._member(request)
        return PlainTextResponse(
            render_metrics(self._coordinator), media_type="text/plain; version=0.0.4"
        )

    async def openapi(self, _request: Request) -> ASGIApp:
        """The description of this API."""
        return json_reply(openapi.document())

    async def status_page(self, _request: Request) -> ASGIApp:
        """A plain page for people who open the address."""
        return status.page(self._coordinator)


class _Nowhere:
    """Answers what no route takes, and says which methods would do."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = self._problem(scope).reply()
        await reply(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem:
        method, path = scope["method"], scope["path"]
        if path in _SOCKETS:
            return upgrade_required(path)
        methods: set[str] = set()
        for route in self._routes:
            if route.matches(scope)[0] is Match.PARTIAL:
                methods |= route.methods or set()
        if methods:
            return wrong_method(method, path, ", ".join(sorted(methods)))
        return unknown_path(path)


async def _accept(websocket: WebSocket) -> None:
    offered = websocket.scope.get("subprotocols", [])
    chosen = SUBPROTOCOL if SUBPROTOCOL in offered else None
    await websocket.accept(subprotocol=chosen)


async def _no_such_socket(websocket: WebSocket) -> None:
    reply = unknown_path(websocket.scope["path"]).reply()
    await websocket.send_denial_response(reply)
