from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.routing import Route, Router

import clubai
from clubai.coordinator.openapi import document
from support.api_calls import ApiClub, api_club

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
OPERATIONS = [
    (method, path, operation)
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
]
WITHOUT_BODY = {
    "/api/invites",
    "/api/logout-everywhere",
    "/api/enrolled/{node}/confirmed",
    "/api/nodes/{node}/trusted",
}
IDS = [f"{method} {path}" for method, path, _ in OPERATIONS]


async def served(api: ApiClub) -> set[tuple[str, str]]:
    """Every method of every path that the application answers, found by asking."""
    found: set[tuple[str, str]] = set()
    assert isinstance(api.app, Router)
    for route in api.app.routes:
        if not isinstance(route, Route):
            continue
        path = re.sub(r"\{(\w+):path\}", r"{\1}", route.path)
        refused = await api.call("BREW", filled(path))
        if refused.status == 404:
            continue
        assert refused.status == 405
        allowed = refused.headers["allow"].lower().split(", ")
        found |= {(method, path) for method in allowed if method != "head"}
    return found


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "x", path)


async def test_what_is_served_is_described_and_nothing_else(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        described = {(method, path) for method, path, _ in OPERATIONS}

        assert await served(api) == described


async def test_a_key_is_needed_where_it_is_said(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        for method, path, operation in OPERATIONS:
            response = await api.call(method.upper(), filled(path), body=b"{")

            needed = operation.get("security") == [{"bearer": []}]
            assert (response.status == 401) == needed, path


async def test_it_is_served(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        assert (await api.call("GET", "/openapi.json")).json() == document()


def test_it_says_what_it_is() -> None:
    described = document()

    assert described["openapi"] == "3.1.0"
    assert described["info"] == {"title": "ClubAI", "version": clubai.__version__}
    bearer = described["components"]["securitySchemes"]["bearer"]
    assert bearer == {"type": "http", "scheme": "bearer"}


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=IDS)
def test_each_operation_is_complete(
    method: str, path: str, operation: dict[str, object]
) -> None:
    assert method in METHODS
    assert operation["summary"]
    assert operation["responses"]
    parameters = operation.get("parameters", [])
    assert isinstance(parameters, list)
    assert [parameter["name"] for parameter in parameters] == re.findall(
        r"\{(\w+)\}", path
    )
    assert all(p["in"] == "path" and p["required"] for p in parameters)
    sends = method in ("post", "put") and path not in WITHOUT_BODY
    assert ("requestBody" in operation) == sends
