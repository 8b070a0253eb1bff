from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.requests import Request

from clubai.coordinator.openapi import document
from clubai.coordinator.origins import refuse_foreign
from clubai.errors import PermissionDenied
from support.api_calls import PASSWORD, api_club, error_of

ALICE = {"name": "alice", "password": PASSWORD}
CHANGING = [
    (method.upper(), re.sub(r"\{\w+\}", "x", path))
    for path, methods in document()["paths"].items()
    for method in methods
    if path.startswith("/api/") and method != "get"
]
"""All of them: tests/coordinator/test_openapi.py sees to that."""


def request(**headers: str) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw})


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("https://club.example", "club.example"),
        ("https://club.example", "club.example:443"),
        ("https://CLUB.example:443", "club.EXAMPLE"),
        ("http://club.example", "club.example:80"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_its_own_pages_may_ask(origin: str, host: str) -> None:
    refuse_foreign(request(origin=origin, host=host))


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.example", "club.example"),
        ("https://club.example.evil", "club.example"),
        ("http://localhost:3000", "localhost:8000"),
        ("http://127.0.0.1", "127.0.0.1:8000"),
        ("null", "club.example"),
        ("null", ""),
        ("", ""),
        ("file://", ""),
        ("https://club.example:x", "club.example:x"),
        ("https://[", "["),
        ("https://evil@club.example.evil", "club.example"),
    ],
)
def test_foreign_pages_may_not(origin: str, host: str) -> None:
    with pytest.raises(PermissionDenied, match="web page"):
        refuse_foreign(request(origin=origin, host=host))


def test_what_is_no_page_has_no_origin() -> None:
    refuse_foreign(request(host="club.example"))


@pytest.mark.parametrize(("method", "path"), CHANGING)
async def test_every_change_is_refused_to_foreign_pages(
    method: str, path: str, tmp_path: Path
) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        headers = {"origin": "https://evil.example", "host": "club.example"}

        refused = await api.call(method, path, ALICE, key=alice.key, headers=headers)

        assert refused.status == 403
        assert "web page" in error_of(refused)["message"]
        headers["origin"] = "https://club.example"
        own = await api.call(method, path, ALICE, key=alice.key, headers=headers)
        assert b"web page" not in own.body


async def test_looking_changes_nothing(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        headers = {"origin": "https://evil.example", "host": "club.example"}

        seen = await api.call("GET", "/api/stats", key=alice.key, headers=headers)

        assert seen.status == 200
