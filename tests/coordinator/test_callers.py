from __future__ import annotations

from pathlib import Path

import pytest
from starlette.requests import Request

from clubai.coordinator.origins import refuse_foreign
from clubai.errors import PermissionDenied
from support.api_calls import PASSWORD, api_club, error_of

ALICE = {"name": "alice", "password": PASSWORD}
CHANGING = [
    ("POST", "/api/register"),
    ("POST", "/api/login"),
    ("POST", "/api/refresh"),
    ("POST", "/api/logout"),
    ("POST", "/api/logout-everywhere"),
    ("POST", "/api/keys"),
    ("DELETE", "/api/keys/x"),
    ("POST", "/api/invites"),
    ("DELETE", "/api/invites/x"),
    ("PUT", "/api/members/x/role"),
    ("POST", "/api/enrolments"),
    ("DELETE", "/api/enrolments/x"),
    ("PUT", "/api/enrolled/x/confirmed"),
    ("DELETE", "/api/enrolled/x"),
    ("PUT", "/api/nodes/x/owner"),
]


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


async def test_every_changing_route_is_in_the_list_above(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        described = (await api.call("GET", "/openapi.json")).json()["paths"]
    changing = {
        (method.upper(), path)
        for path, methods in described.items()
        for method in methods
        if path.startswith("/api/") and method != "get"
    }

    assert len(changing) == len(CHANGING)


async def test_guesses_of_keys_are_counted_and_good_keys_get_through(
    tmp_path: Path,
) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        for path in ("/api/me", "/v1/models"):
            statuses = [
                (await api.call("GET", path, key=f"cak_guess{number}")).status
                for number in range(22)
            ]
            assert statuses[-1] == 429
            assert statuses.count(401) in (20, 0)
            assert (await api.call("GET", path, key=alice.key)).status == 200
