"""The coordinator's HTTP routes: connections, and what may be seen.

Every route that is not public authenticates in its own endpoint; nothing is decided
by a path's prefix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Match, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from clubai.coordinator import openapi, status
from clubai.coordinator.account_routes import AccountApi
from clubai.coordinator.callers import api_route, caller
from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.feed_routes import feed_routes
from clubai.coordinator.grants import ASKING, Member, require
from clubai.coordinator.intervention_routes import intervention_routes
from clubai.coordinator.key_routes import KeyRoutes
from clubai.coordinator.limits import Place
from clubai.coordinator.metrics import render_metrics
from clubai.coordinator.month_routes import MonthRoutes
from clubai.coordinator.node_routes import node_routes
from clubai.coordinator.origins import refuse_foreign
from clubai.coordinator.promise_routes import promise_routes
from clubai.coordinator.replies import (
    Problem,
    address_of,
    json_reply,
    refusal,
    unknown_path,
    upgrade_required,
    whole_number,
    wrong_method,
)
from clubai.coordinator.standing_routes import standing_routes
from clubai.errors import ClubAIError, PermissionDenied
from clubai.protocol.messages import SUBPROTOCOL
from clubai.protocol.session import CLIENT_PATH, NODE_PATH
from clubai.transport.asgi import WebSocketStream
from clubai.transport.bearer import bearer_token

_SOCKETS: Final = (NODE_PATH, CLIENT_PATH)


class Api:
    """The endpoints of one coordinator."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    def routes(self) -> list[BaseRoute]:
        """All routes, for the application that serves them; the last takes the rest."""
        routes = [
            *AccountApi(self._coordinator).routes(),
            api_route("/api/nodes", self.nodes, "GET"),
            *node_routes(self._coordinator),
            *promise_routes(self._coordinator),
            *KeyRoutes(self._coordinator).routes(),
            *standing_routes(self._coordinator),
            *MonthRoutes(
                self._coordinator.treasury,
                accounts=self._coordinator.accounts,
                members=self._coordinator.store,
            ).routes(),
            api_route("/api/models", self.models, "GET"),
            api_route("/api/tasks", self.tasks, "GET"),
            api_route("/api/stats", self.stats, "GET"),
            *intervention_routes(self._coordinator),
            *feed_routes(self._coordinator),
            api_route("/health", self.health, "GET"),
            api_route("/ready", self.ready, "GET"),
            api_route("/metrics", self.metrics, "GET"),
            api_route("/openapi.json", self.openapi, "GET"),
            api_route("/", self.status_page, "GET"),
        ]
        return [
            WebSocketRoute(NODE_PATH, self.connect_node),
            WebSocketRoute(CLIENT_PATH, self.connect_client),
            WebSocketRoute("/{rest:path}", _no_such_socket),
            *routes,
            Route("/{rest:path}", _Nowhere(routes)),
        ]

    async def _reader(self, request: Request) -> Member:
        member = await caller(self._coordinator.accounts, request)
        require(member, "looking at the club", "read")
        return member

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
                    bearer_token(websocket.headers.get("authorization"))
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
            member = await self._admit(websocket, place)
            if member is not None:
                await self._coordinator.serve_client(WebSocketStream(websocket), member)

    async def _admit(self, websocket: WebSocket, place: Place) -> Member | None:
        try:
            refuse_foreign(websocket)
            member = await caller(self._coordinator.accounts, websocket)
            require(member, "connecting a client", *ASKING)
            place.take("clients", member.id, address_of(websocket))
        except ClubAIError as error:
            await websocket.send_denial_response(refusal(error))
            return None
        await _accept(websocket)
        return member

    async def nodes(self, request: Request) -> ASGIApp:
        """The club's nodes."""
        await self._reader(request)
        return json_reply({"nodes": self._coordinator.feed.nodes()})

    async def models(self, request: Request) -> ASGIApp:
        """The models that they offer."""
        await self._reader(request)
        return json_reply({"models": self._coordinator.driver.machine.models()})

    async def tasks(self, request: Request) -> ASGIApp:
        """The caller's tasks of this run, live and recent; an operator sees all."""
        member = await self._reader(request)
        limit = whole_number(request.query_params.get("limit", "50"), "limit")
        return json_reply({"tasks": self._coordinator.feed.tasks(member)[:limit]})

    async def stats(self, request: Request) -> ASGIApp:
        """The club's counts."""
        await self._reader(request)
        return json_reply(self._coordinator.feed.stats())

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
        await self._reader(request)
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
