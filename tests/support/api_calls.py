"""Calls to the HTTP application of a club in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from starlette.types import ASGIApp

from clubai.club import make_app
from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.grants import KeyWish, Member
from clubai.gateway import GatewayLimits
from support.asgi_driver import Call, Response, open_call, request
from support.memory_club import MemoryClub, memory_club

PASSWORD = "correct horse"


class Account:
    """A member, and a key that speaks for them."""

    def __init__(self, member: Member, key: str) -> None:
        self.member = member
        self.key = key


class ApiClub:
    """A club, and its application with the gateway in it."""

    def __init__(self, club: MemoryClub, app: ASGIApp) -> None:
        self.club = club
        self.app = app

    @property
    def coordinator(self) -> Coordinator:
        return self.club.coordinator

    async def join(self, name: str) -> Account:
        """Make an account, without the application."""
        accounts = self.coordinator.accounts
        row = await accounts.register(name, PASSWORD)
        self.coordinator.feed.members += 1
        key = await accounts.create_api_key(row.id, "test", wish=KeyWish(login=True))
        return Account(await accounts.authenticate(key.text), key.text)

    async def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        key: str = "",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Response:
        sent = {**_bearer(key), **(headers or {})}
        return await request(self.app, method, path, json, body=body, headers=sent)

    @asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        *,
        key: str = "",
        body: bytes | None = b"",
        headers: dict[str, str] | None = None,
    ) -> AsyncIterator[Call]:
        sent = {**_bearer(key), **(headers or {})}
        with anyio.fail_after(20):
            async with open_call(
                self.app, method, path, headers=sent, body=body
            ) as call:
                yield call


def _bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}


@asynccontextmanager
async def api_club(data: Path, **settings: Any) -> AsyncIterator[ApiClub]:
    async with memory_club(data, **settings) as club:
        yield ApiClub(club, make_app(club.coordinator, club.tasks, gateway=_LIMITS))


_LIMITS = GatewayLimits()


def error_of(response: Response) -> dict[str, Any]:
    """The error in the one shape that errors have."""
    body = response.json()
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert error["message"]
    assert response.headers["content-type"] == "application/json"
    return error
