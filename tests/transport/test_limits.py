"""Bodies over the limit, and hosts that are not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from clubai.errors import ConnectFailed
from clubai.transport.limits import ServerLimits, error_body
from clubai.transport.websocket import open_websocket
from support.serving import echo, serving, websocket_app
from support.websocket_peers import raw_peer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

SMALL = ServerLimits(max_body_bytes=1000)


async def _size(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


def site() -> Starlette:
    return Starlette(routes=[Route("/", _size, methods=["GET", "POST"])])


async def pieces(count: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


@pytest.mark.parametrize("size", [0, 1, 1000])
async def test_a_body_up_to_the_limit_passes(size: int) -> None:
    async with serving(site(), limits=SMALL) as url, httpx.AsyncClient() as client:
        assert (await client.post(url, content=b"x" * size)).text == str(size)
        assert (await client.post(url, content=pieces(1, size))).text == str(size)


async def test_an_announced_body_over_the_limit_is_refused_unread() -> None:
    called: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        called.append(scope["type"])
        await site()(scope, receive, send)

    async with serving(app, limits=SMALL) as url, raw_peer(url) as peer:
        await peer.send(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n"
        )
        answer = await peer.rest()

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"request_too_large"' in answer
    assert b"connection: close" in answer.lower()
    assert "http" not in called


async def test_a_chunked_body_over_the_limit_is_refused_as_it_comes() -> None:
    async with serving(site(), limits=SMALL) as url, httpx.AsyncClient() as client:
        response = await client.post(url, content=pieces(2000, 1000))

        assert response.status_code == 413
        assert response.json()["error"]["type"] == "invalid_request_error"
        assert (await client.post(url, content=b"next")).text == "4"


async def test_an_application_that_had_begun_to_answer_is_cut() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
        await send({"type": "http.response.body", "body": b"done"})

    async with serving(app, limits=SMALL) as url, httpx.AsyncClient() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(url, content=pieces(2, 1000))


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("club.example", 200),
        ("CLUB.example:8443", 200),
        ("[::1]:80", 200),
        ("evil.example", 404),
        ("club.example.evil", 404),
    ],
)
async def test_only_the_hosts_that_are_ours_are_answered(
    host: str, status: int
) -> None:
    limits = ServerLimits(server_names=("Club.example", "[::1]"))
    async with serving(site(), limits=limits) as url, httpx.AsyncClient() as client:
        response = await client.get(url, headers={"Host": host})

    assert response.status_code == status


async def test_a_websocket_to_another_host_is_refused() -> None:
    limits = ServerLimits(server_names=("club.example",))
    async with serving(websocket_app(echo), limits=limits) as url:
        with pytest.raises(ConnectFailed, match="not served here") as caught:
            async with open_websocket(url):
                pytest.fail("it was taken")

    assert caught.value.status == 404


async def _address(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.client.host if request.client else "")


@pytest.mark.parametrize(
    ("proxies", "seen"), [(("127.0.0.1",), "203.0.113.9"), ((), "127.0.0.1")]
)
async def test_only_a_proxy_of_ours_says_whom_a_request_came_from(
    proxies: tuple[str, ...], seen: str
) -> None:
    app = Starlette(routes=[Route("/", _address)])
    limits = ServerLimits(trusted_proxies=proxies)
    async with serving(app, limits=limits) as url, httpx.AsyncClient() as client:
        headers = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
        response = await client.get(url, headers=headers)

    assert response.text == seen


def test_an_error_has_the_shape_that_openai_clients_know() -> None:
    assert error_body("why", "code") == (
        b'{"error":{"message":"why","type":"invalid_request_error",'
        b'"param":null,"code":"code"}}'
    )


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="max_connections"):
        ServerLimits(max_connections=0)
    with pytest.raises(ValueError, match="ping_s"):
        ServerLimits(ping_s=float("nan"))
    ServerLimits(max_memory_mb=0, count_loopback=False)
