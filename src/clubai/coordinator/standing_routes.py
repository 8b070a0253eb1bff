"""The HTTP routes of standing: points and their reasons, reviews, references."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from clubai.coordinator.callers import api_route, caller
from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.grants import Member
from clubai.coordinator.replies import (
    Endpoint,
    json_reply,
    read_body,
    whole_number,
)

MOST_LINES: Final = 1000
Why = Annotated[str, Meta(max_length=500)]


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a review ends."""

    upheld: bool
    why: Why


class Movement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Points that an operator gives or takes."""

    points: int
    why: Why


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why something is done."""

    why: Why


def standing_routes(coordinator: Coordinator) -> list[Route]:
    """All of them, for the application that serves them."""
    api = _StandingApi(coordinator)
    table: tuple[tuple[str, str, Endpoint], ...] = (
        ("GET", "/api/reputation", api.all),
        ("GET", "/api/reputation/{node}", api.one),
        ("POST", "/api/reputation/{node}/points", api.adjust),
        ("POST", "/api/reputation/{node}/reinstated", api.reinstate),
        ("PUT", "/api/nodes/{node}/trusted", api.trust),
        ("DELETE", "/api/nodes/{node}/trusted", api.distrust),
        ("GET", "/api/checks/{check}", api.check),
        ("GET", "/api/reviews", api.reviews),
        ("GET", "/api/reviews/{review}", api.review),
        ("POST", "/api/reviews/{review}", api.decide),
    )
    return [api_route(path, endpoint, method) for method, path, endpoint in table]


class _StandingApi:
    """The endpoints of one coordinator."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._accounts = coordinator.accounts
        self._standings = coordinator.standings
        self._verified = coordinator.verified

    async def all(self, request: Request) -> ASGIApp:
        """How every node stands, and what it costs to know."""
        member = await self._caller(request)
        return json_reply(
            {
                "nodes": self._standings.all(member),
                "verification": self._verified.shares(),
            }
        )

    async def one(self, request: Request) -> ASGIApp:
        """How one node stands, and why; `next` is the `before` of the next page."""
        query = request.query_params
        limit = min(whole_number(query.get("limit", "50"), "limit"), MOST_LINES)
        before = query.get("before")
        until = None if before is None else whole_number(before, "before", digits=12)
        node, lines = await self._standings.of(
            await self._caller(request),
            request.path_params["node"],
            limit=limit,
            before=until,
        )
        following = lines[-1].seq if len(lines) == limit else None
        return json_reply({"node": node, "changes": lines, "next": following})

    async def adjust(self, request: Request) -> ASGIApp:
        """Move a node's points by hand."""
        member = await self._caller(request)
        body = await read_body(request, Movement)
        node = request.path_params["node"]
        await self._standings.adjust(member, node, points=body.points, why=body.why)
        return Response(status_code=204)

    async def reinstate(self, request: Request) -> ASGIApp:
        """Let a suspended node work again."""
        member = await self._caller(request)
        body = await read_body(request, Reason)
        node = request.path_params["node"]
        await self._standings.reinstate(member, node, why=body.why)
        return Response(status_code=204)

    async def trust(self, request: Request) -> ASGIApp:
        """Make a node a reference for others."""
        member = await self._caller(request)
        await self._standings.set_trusted(member, request.path_params["node"], True)
        return Response(status_code=204)

    async def distrust(self, request: Request) -> ASGIApp:
        """Take that back."""
        member = await self._caller(request)
        await self._standings.set_trusted(member, request.path_params["node"], False)
        return Response(status_code=204)

    async def reviews(self, request: Request) -> ASGIApp:
        """The open reviews; with `?all=1` the ended ones too."""
        member = await self._caller(request)
        every = request.query_params.get("all", "") == "1"
        reviews = await self._standings.reviews(member, every=every)
        return json_reply({"reviews": reviews})

    async def review(self, request: Request) -> ASGIApp:
        """One review with its evidence."""
        member = await self._caller(request)
        seq = whole_number(request.path_params["review"], "review", digits=12)
        return json_reply(await self._standings.review(member, seq))

    async def check(self, request: Request) -> ASGIApp:
        """What was asked and answered in one of the club's own checks."""
        member = await self._caller(request)
        return json_reply(
            await self._standings.check(member, request.path_params["check"])
        )

    async def decide(self, request: Request) -> ASGIApp:
        """End a review."""
        member = await self._caller(request)
        seq = whole_number(request.path_params["review"], "review", digits=12)
        body = await read_body(request, Decision)
        await self._standings.decide(member, seq, upheld=body.upheld, why=body.why)
        return Response(status_code=204)

    async def _caller(self, request: Request) -> Member:
        return await caller(self._accounts, request)
