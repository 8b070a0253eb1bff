"""The HTTP routes by which nodes come in, and by which members let them.

Those under `/nodes` are for agents that no member's key speaks for: a token or a
signature in the body is all their authority. Those under `/api` are for members.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from clubai.coordinator.callers import api_route, caller
from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.grants import Member, require
from clubai.coordinator.replies import (
    Endpoint,
    address_of,
    json_reply,
    read_body,
)
from clubai.model import NodeId
from clubai.protocol.login import (
    CHALLENGE_PATH,
    ENROL_PATH,
    ENROLMENT_SECONDS,
    ENROLMENTS_PATH,
    LOGIN_PATH,
    ChallengeRequest,
    EnrolRequest,
    LoginRequest,
)


class EnrolmentRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a new enrolment token is to be like."""

    confirm: bool = False
    life_s: Annotated[float, Meta(gt=0, le=ENROLMENT_SECONDS)] = ENROLMENT_SECONDS


def node_routes(coordinator: Coordinator) -> list[Route]:
    """All of them, for the application that serves them."""
    api = _NodeApi(coordinator)
    table: tuple[tuple[str, str, Endpoint], ...] = (
        ("POST", ENROLMENTS_PATH, api.make_enrolment),
        ("GET", ENROLMENTS_PATH, api.list_enrolments),
        ("DELETE", ENROLMENTS_PATH + "/{enrolment}", api.end_enrolment),
        ("GET", "/api/enrolled", api.enrolled),
        ("PUT", "/api/enrolled/{node}/confirmed", api.confirm),
        ("DELETE", "/api/enrolled/{node}", api.remove),
        ("POST", ENROL_PATH, api.enrol),
        ("POST", CHALLENGE_PATH, api.challenge),
        ("POST", LOGIN_PATH, api.login),
    )
    return [api_route(path, endpoint, method) for method, path, endpoint in table]


class _NodeApi:
    """The endpoints of one coordinator."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator
        self._enrolments = coordinator.enrolments
        self._logins = coordinator.logins

    async def make_enrolment(self, request: Request) -> ASGIApp:
        member = await self._member(request)
        wanted = await read_body(request, EnrolmentRequest)
        made = await self._enrolments.make(
            member, confirm=wanted.confirm, life_s=wanted.life_s
        )
        return json_reply(made, status_code=201)

    async def list_enrolments(self, request: Request) -> ASGIApp:
        member = await self._member(request)
        return json_reply({"enrolments": await self._enrolments.open_ones(member)})

    async def end_enrolment(self, request: Request) -> ASGIApp:
        member = await self._member(request)
        await self._enrolments.end(member, request.path_params["enrolment"])
        return Response(status_code=204)

    async def enrolled(self, request: Request) -> ASGIApp:
        """The caller's nodes; with `?all=1` those of all members, for an operator."""
        member = await self._member(request)
        everybody = request.query_params.get("all", "") == "1"
        nodes = await self._enrolments.nodes(member, all_members=everybody)
        return json_reply({"nodes": nodes})

    async def confirm(self, request: Request) -> ASGIApp:
        member = await self._member(request)
        node = request.path_params["node"]
        return json_reply(await self._enrolments.confirm(member, node))

    async def remove(self, request: Request) -> ASGIApp:
        member = await self._member(request)
        node = request.path_params["node"]
        return json_reply(await self._coordinator.remove_node(member, node))

    async def enrol(self, request: Request) -> ASGIApp:
        body = await read_body(request, EnrolRequest)
        address = address_of(request)
        self._logins.take_try(address)
        reply = await self._enrolments.enrol(body, origins=self._origins(request))
        self._logins.give_back(address)
        return json_reply(reply, status_code=201)

    async def challenge(self, request: Request) -> ASGIApp:
        body = await read_body(request, ChallengeRequest)
        node = NodeId(body.node)
        return json_reply(self._logins.challenge(node, address=address_of(request)))

    async def login(self, request: Request) -> ASGIApp:
        body = await read_body(request, LoginRequest)
        address = address_of(request)
        self._logins.take_try(address)
        reply = await self._logins.login(body, origins=self._origins(request))
        self._logins.give_back(address)
        return json_reply(reply)

    def _origins(self, request: Request) -> tuple[str, ...]:
        return self._coordinator.config.origins_for(request.headers.get("host", ""))

    async def _member(self, request: Request) -> Member:
        member = await caller(self._coordinator.accounts, request)
        require(member, "managing nodes", "node")
        return member
