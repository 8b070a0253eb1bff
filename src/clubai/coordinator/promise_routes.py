"""The HTTP routes of a node's owner: hours that are promised, pauses and drains."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from clubai.coordinator.callers import api_route, caller
from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.grants import Member, require
from clubai.coordinator.promises import MAX_WHY
from clubai.coordinator.replies import Endpoint, json_reply, read_body
from clubai.reputation.promise import MAX_TEXT

PROMISE_PATH = "/api/nodes/{nickname}/promise"
PAUSE_PATH = "/api/nodes/{nickname}/pause"
DRAIN_PATH = "/api/nodes/{nickname}/drain"


class PromiseWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hours to promise."""

    schedule: Annotated[str, Meta(max_length=MAX_TEXT)]
    zone: Annotated[str, Meta(max_length=64)] = ""


class PauseWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a node is to take no new work."""

    why: Annotated[str, Meta(max_length=MAX_WHY)] = ""


def promise_routes(coordinator: Coordinator) -> list[Route]:
    """All of them, for the application that serves them."""
    api = _PromiseApi(coordinator)
    table: tuple[tuple[str, str, Endpoint], ...] = (
        ("GET", PROMISE_PATH, api.show),
        ("PUT", PROMISE_PATH, api.publish),
        ("DELETE", PROMISE_PATH, api.withdraw),
        ("PUT", PAUSE_PATH, api.pause),
        ("DELETE", PAUSE_PATH, api.resume),
        ("PUT", DRAIN_PATH, api.drain),
    )
    return [api_route(path, endpoint, method) for method, path, endpoint in table]


class _PromiseApi:
    """The endpoints of one coordinator; each answers a `NodePromise`."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._accounts = coordinator.accounts
        self._promises = coordinator.promises

    async def show(self, request: Request) -> ASGIApp:
        """What is promised, and how it was kept."""
        member = await self._member(request)
        return json_reply(await self._promises.show(member, _node(request)))

    async def publish(self, request: Request) -> ASGIApp:
        """Promise hours."""
        member = await self._member(request)
        wish = await read_body(request, PromiseWish)
        return json_reply(
            await self._promises.publish(
                member, _node(request), wish.schedule, wish.zone
            )
        )

    async def withdraw(self, request: Request) -> ASGIApp:
        """Promise nothing any more."""
        member = await self._member(request)
        return json_reply(await self._promises.withdraw(member, _node(request)))

    async def pause(self, request: Request) -> ASGIApp:
        """Give the node no new work."""
        member = await self._member(request)
        why = (await read_body(request, PauseWish)).why
        node = _node(request)
        return json_reply(await self._promises.hold(member, node, "paused", why))

    async def drain(self, request: Request) -> ASGIApp:
        """Give the node no new work, for it is to be stopped."""
        member = await self._member(request)
        why = (await read_body(request, PauseWish)).why
        node = _node(request)
        return json_reply(await self._promises.hold(member, node, "draining", why))

    async def resume(self, request: Request) -> ASGIApp:
        """Let the node go on."""
        member = await self._member(request)
        return json_reply(await self._promises.resume(member, _node(request)))

    async def _member(self, request: Request) -> Member:
        member = await caller(self._accounts, request)
        require(member, "managing nodes", "node")
        return member


def _node(request: Request) -> str:
    node: str = request.path_params["nickname"]
    return node
