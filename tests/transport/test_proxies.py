from __future__ import annotations

from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from clubai.transport.proxies import BehindProxies, caller_address

PROXY, INNER, HOME = "10.0.0.1", "10.0.0.2", "192.0.2.7"


async def seen_as(
    *forwarded: str, client: str | None = PROXY, trusted: tuple[str, ...] = (PROXY,)
) -> str:
    """The address that an application behind proxies sees."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(caller_address(scope))

    scope: dict[str, Any] = {
        "type": "http",
        "client": None if client is None else (client, 1234),
        "headers": [(b"x-forwarded-for", line.encode()) for line in forwarded],
    }
    await BehindProxies(app, trusted)(scope, no_receive, no_send)
    assert scope["client"] == (None if client is None else (client, 1234))
    return seen[0]


async def no_receive() -> Any:
    pytest.fail("nothing is received")


async def no_send(message: Any) -> None:
    pytest.fail("nothing is sent")


async def test_a_trusted_proxy_says_who_asked_it() -> None:
    assert await seen_as(HOME) == HOME
    assert await seen_as("2001:db8::1") == "2001:db8::1"


async def test_nobody_else_is_believed() -> None:
    assert await seen_as(HOME, client="203.0.113.9") == "203.0.113.9"
    assert await seen_as(HOME, trusted=()) == PROXY


async def test_the_last_hop_counts_and_not_what_the_caller_wrote() -> None:
    assert await seen_as(f"127.0.0.1, 198.51.100.1, {HOME}") == HOME
    assert await seen_as("127.0.0.1", HOME) == HOME


async def test_hops_of_trusted_proxies_are_gone_back_over() -> None:
    trusted = (PROXY, INNER)

    assert await seen_as(f"6.6.6.6, {HOME}, {INNER}", trusted=trusted) == HOME
    assert await seen_as(f"{INNER}, {INNER}", trusted=trusted) == INNER


async def test_networks_are_trusted_too() -> None:
    trusted = ("10.0.0.0/8", "fd00::/8")

    assert await seen_as(HOME, client="10.9.8.7", trusted=trusted) == HOME
    assert await seen_as(HOME, client="fd00::5", trusted=trusted) == HOME
    assert await seen_as(HOME, client="::ffff:10.0.0.1", trusted=trusted) == HOME
    assert await seen_as(HOME, client="11.0.0.1", trusted=trusted) == "11.0.0.1"


@pytest.mark.parametrize("junk", ["", "unknown", "_hidden", "192.0.2.7:80", "é", ",,"])
async def test_what_is_no_address_leaves_the_proxy(junk: str) -> None:
    assert await seen_as(junk) == PROXY
    assert await seen_as(f"{HOME}, x") == PROXY


async def test_a_caller_without_an_address_has_none() -> None:
    assert await seen_as(HOME, client=None) == ""


async def test_a_long_header_is_read_from_its_end() -> None:
    assert await seen_as("1.1.1.1," * 10_000 + HOME) == HOME


async def test_other_events_pass() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert "client" not in scope

    await BehindProxies(app, (PROXY,))({"type": "lifespan"}, no_receive, no_send)
