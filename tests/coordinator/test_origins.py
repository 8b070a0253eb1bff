from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.requests import HTTPConnection

from clubai.club import make_app
from clubai.coordinator.config import CoordinatorConfig
from clubai.coordinator.limits import EdgeLimits
from clubai.coordinator.origins import refuse_foreign
from clubai.errors import PermissionDenied
from clubai.gateway import GatewayLimits
from support.api_calls import PASSWORD, ApiClub, api_club, error_of
from support.memory_club import memory_club
from support.serving import serving
from support.websocket_peers import RawPeer, raw_peer

FOREIGN = [
    "http://evil.example",
    "https://127.0.0.1.evil.example",
    "http://127.0.0.1@evil.example",
    "null",
    "",
    "http://[",
    "file://",
    "http://127.0.0.1",
    "http://127.0.0.1:3000",
]
OURS = ["http://127.0.0.1:8000", "https://127.0.0.1:8000"]
ALICE = {"name": "alice", "password": PASSWORD}


def asked(origin: str | None, host: str = "127.0.0.1:8000") -> HTTPConnection:
    headers = [(b"host", host.encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    return HTTPConnection({"type": "http", "headers": headers})


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_of_another_host_is_refused(origin: str) -> None:
    with pytest.raises(PermissionDenied):
        refuse_foreign(asked(origin))


@pytest.mark.parametrize("origin", [None, *OURS])
def test_programs_and_our_own_pages_are_not(origin: str | None) -> None:
    refuse_foreign(asked(origin))


def test_ipv6_and_capitals_are_compared_by_name() -> None:
    refuse_foreign(asked("http://[::1]:8000", "[::1]:8000"))
    refuse_foreign(asked("https://Club.Example", "club.example"))
    refuse_foreign(asked("https://club.example", "club.example:443"))
    with pytest.raises(PermissionDenied):
        refuse_foreign(asked("http://[::1]", "[::2]"))


@pytest.mark.parametrize("path", ["/api/register", "/api/login", "/api/keys"])
async def test_a_foreign_page_makes_no_account(path: str, tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        headers = {"host": "127.0.0.1", "origin": "https://evil.example"}

        refused = await api.call("POST", path, ALICE, headers=headers)

        assert refused.status == 403
        assert error_of(refused)["code"] == "permission_denied"
        assert await api.coordinator.store.count_members() == 0
        headers["origin"] = "http://127.0.0.1"
        made = await api.call("POST", "/api/register", ALICE, headers=headers)
        assert made.status == 201


async def test_reading_needs_no_origin(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        headers = {"host": "127.0.0.1", "origin": "https://evil.example"}

        assert (await api.call("GET", "/health", headers=headers)).status == 200


@asynccontextmanager
async def served(data: Path, **settings: Any) -> AsyncIterator[tuple[str, str]]:
    """A coordinator on a socket, behind its own server limits, and a key."""
    async with memory_club(data, **settings) as club:
        app = make_app(club.coordinator, club.tasks, gateway=GatewayLimits())
        account = await ApiClub(club, app).join("alice")
        limits = club.coordinator.config.server_limits
        async with serving(app, limits=limits) as url:
            yield url, account.key


async def ask(peer: RawPeer, path: str, key: str, *headers: str) -> bytes:
    """Ask for an upgrade; return the head of the answer."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        f"Authorization: Bearer {key}",
        *headers,
    ]
    if not any(header.startswith("Host:") for header in headers):
        lines.append("Host: 127.0.0.1")
    await peer.send("\r\n".join(lines).encode() + b"\r\n\r\n")
    return await peer.until(b"\r\n\r\n")


async def upgrade(url: str, path: str, key: str, *headers: str) -> bytes:
    """The status of the answer."""
    async with raw_peer(url) as peer:
        return (await ask(peer, path, key, *headers)).split()[1]


@pytest.mark.parametrize(
    ("path", "origin", "status"),
    [
        ("/clients/connect", "", b"101"),
        ("/clients/connect", "Origin: http://127.0.0.1", b"101"),
        ("/clients/connect", "Origin: https://evil.example", b"403"),
        ("/clients/connect", "Origin: null", b"403"),
        ("/nodes/connect", "", b"401"),
        ("/nodes/connect", "Origin: http://127.0.0.1", b"403"),
        ("/nodes/connect", "Origin: https://evil.example", b"403"),
    ],
)
async def test_no_page_drives_a_connection_with_a_members_key(
    path: str, origin: str, status: bytes, tmp_path: Path
) -> None:
    async with served(tmp_path) as (url, key):
        given = [origin] if origin else []

        assert await upgrade(url, path, key, *given) == status


@pytest.mark.parametrize(
    ("settings", "host", "status"),
    [
        ({}, "localhost:80", b"101"),
        ({}, "127.0.0.1", b"101"),
        ({}, "[::1]:1", b"101"),
        ({}, "rebound.evil.example", b"404"),
        ({"hosts": "club.example, www.club.example"}, "www.club.example", b"101"),
        ({"hosts": ("club.example",)}, "evil.example", b"404"),
        ({"host": "192.0.2.1"}, "whatever.example", b"101"),
        ({"host": "192.0.2.1", "hosts": "club.example"}, "192.0.2.1:8000", b"101"),
        ({"host": "192.0.2.1", "hosts": "club.example"}, "evil.example", b"404"),
    ],
)
async def test_a_name_that_was_made_to_point_here_is_not_served(
    settings: dict[str, Any], host: str, status: bytes, tmp_path: Path
) -> None:
    async with served(tmp_path, **settings) as (url, key):
        got = await upgrade(url, "/clients/connect", key, f"Host: {host}")

        assert got == status


async def test_members_and_addresses_have_so_many_connections(tmp_path: Path) -> None:
    edge = EdgeLimits(clients_per_member=1)
    async with served(tmp_path, edge=edge) as (url, key), raw_peer(url) as first:
        assert b" 101 " in await ask(first, "/clients/connect", key)

        async with raw_peer(url) as second:
            head = await ask(second, "/clients/connect", key)

        assert head.startswith(b"HTTP/1.1 429 ")
        assert b"\r\nretry-after: 5\r\n" in head
        assert await upgrade(url, "/nodes/connect", key) == b"401"


def test_hosts_and_proxies_are_settings() -> None:
    config = msgspec.convert(
        {"hosts": ["a.example"], "trusted_proxies": ["10.0.0.7", "10.1.0.0/16"]},
        CoordinatorConfig,
    )

    assert config.server_limits.trusted_proxies == ("10.0.0.7", "10.1.0.0/16")
    assert "a.example" in config.served_names
