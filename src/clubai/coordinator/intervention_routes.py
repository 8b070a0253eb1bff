"""The HTTP routes of what is done by hand: to a task, and to a node."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from clubai.coordinator.callers import api_route, caller
from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.grants import Member
from clubai.coordinator.interventions import Interventions
from clubai.coordinator.replies import Endpoint, json_reply, read_body

TASK_PATH = "/api/tasks/{task}"


class KickWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a node is sent away."""

    why: str = ""


class Remark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator has to say of a node."""

    text: str


def intervention_routes(coordinator: Coordinator) -> list[Route]:
    """All of them, for the application that serves them."""
    api = _InterventionApi(coordinator)
    table: tuple[tuple[str, str, Endpoint], ...] = (
        ("GET", TASK_PATH, api.task),
        ("DELETE", TASK_PATH, api.cancel),
        ("DELETE", "/api/nodes/{node}/connection", api.kick),
        ("POST", "/api/nodes/{node}/note", api.note),
    )
    return [api_route(path, endpoint, method) for method, path, endpoint in table]


class _InterventionApi:
    """The endpoints of one coordinator."""

    def __init__(self, coordinator: Coordinator) -> None:
        standings = coordinator.standings
        self._accounts = coordinator.accounts
        self._interventions = Interventions(
            coordinator.driver,
            audit=coordinator.accounts.audit,
            find=lambda node: standings.find(node).node,
            name=coordinator.roster.name,
        )

    async def task(self, request: Request) -> ASGIApp:
        """One task, with what happened to it and when."""
        member = await self._caller(request)
        return json_reply(self._interventions.task(member, _task(request)))

    async def cancel(self, request: Request) -> ASGIApp:
        """End a live task."""
        member = await self._caller(request)
        return json_reply(await self._interventions.cancel(member, _task(request)))

    async def kick(self, request: Request) -> ASGIApp:
        """End a node's connection; it may come back."""
        member = await self._caller(request)
        why = (await read_body(request, KickWish)).why
        node = request.path_params["node"]
        return json_reply(await self._interventions.kick(member, node, why))

    async def note(self, request: Request) -> ASGIApp:
        """Leave a remark on a node, in the audit log."""
        member = await self._caller(request)
        text = (await read_body(request, Remark)).text
        node = request.path_params["node"]
        return json_reply(await self._interventions.note(member, node, text))

    async def _caller(self, request: Request) -> Member:
        return await caller(self._accounts, request)


def _task(request: Request) -> str:
    task: str = request.path_params["task"]
    return task
