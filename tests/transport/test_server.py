"""Listening, the ends of the server, and how many connections it takes."""

from __future__ import annotations

import socket
import struct
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from clubai.errors import ConfigError, ConnectFailed
from clubai.transport.asgi import WebSocketStream
from clubai.transport.server import ServerLimits, serve_app
from clubai.transport.websocket import open_websocket
from support.serving import echo, port_of, serving, websocket_app
from support.websocket_peers import GET, UPGRADE, RawPeer, raw_peer, server_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import TaskStatus
    from starlette.requests import Request


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("hello")(scope, receive, send)


async def test_the_bound_address_is_reported_and_answers() -> None:
    async with serving(hello) as url, httpx.AsyncClient() as client:
        assert url == f"http://127.0.0.1:{port_of(url)}"
        assert (await client.get(url)).text == "hello"


async def test_an_address_of_ip_6_is_reported_in_brackets() -> None:
    async with anyio.create_task_group() as tasks:
        serve = partial(serve_app, hello, host="::1", port=0)
        try:
            [url] = await tasks.start(serve)
        except* ConfigError:
            pytest.skip("this machine has no IPv6")
        assert url.startswith("http://[::1]:")
        tasks.cancel_scope.cancel()


async def test_a_port_that_is_taken_is_a_setting_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match="choose another port") as caught:
            await serve_app(hello, host="127.0.0.1", port=port)

    assert (caught.value.field, caught.value.value) == ("port", port)


@pytest.mark.parametrize(
    ("host", "port", "field"),
    [
        ("no.such.host.invalid", 0, "host"),
        ("192.0.2.1", 0, "host"),
        ("127.0.0.1", 65_536, "port"),
        ("127.0.0.1", -1, "port"),
    ],
)
async def test_an_impossible_address_is_a_setting_to_change(
    host: str, port: int, field: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        await serve_app(hello, host=host, port=port)

    assert caught.value.field == field


@asynccontextmanager
async def stoppable(
    app: Any, limits: ServerLimits | None = None
) -> AsyncIterator[tuple[str, anyio.Event]]:
    """A server that ends by `stop`; the test ends when it has."""
    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:
        serve = partial(
            serve_app,
            app,
            host="127.0.0.1",
            port=0,
            limits=limits,
            stop=stop.wait,
        )
        [url] = await tasks.start(serve)
        yield url, stop
        stop.set()


async def test_stopping_lets_a_request_finish_and_takes_no_new_one() -> None:
    begun, go_on = anyio.Event(), anyio.Event()

    async def slow(_: Request) -> PlainTextResponse:
        begun.set()
        await go_on.wait()
        return PlainTextResponse("finished")

    answers: list[str] = []

    async def ask(url: str) -> None:
        async with httpx.AsyncClient() as client:
            answers.append((await client.get(url)).text)

    app = Starlette(routes=[Route("/", slow)])
    async with stoppable(app) as (url, stop), anyio.create_task_group() as tasks:
        tasks.start_soon(ask, url)
        await begun.wait()
        stop.set()
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(OSError, match="connect"):
            await anyio.connect_tcp("127.0.0.1", port_of(url))
        go_on.set()

    assert answers == ["finished"]


async def test_stopping_closes_idle_connections_at_once() -> None:
    async with stoppable(hello) as (url, stop), raw_peer(url) as peer:
        await peer.send(GET)
        await peer.until(b"hello")
        stop.set()
        with anyio.fail_after(1):
            assert await peer.rest() == b""


async def test_stopping_does_not_wait_for_clients_that_do_not_read() -> None:
    async def flood(stream: WebSocketStream) -> None:
        while True:
            await stream.send(bytes(1 << 20))

    async def pour(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await websocket_app(flood)(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            body = {"type": "http.response.body", "body": bytes(1 << 16)}
            await send({**body, "more_body": True})

    stop, ended = anyio.Event(), anyio.Event()

    async def serve(*, task_status: TaskStatus[list[str]]) -> None:
        await serve_app(
            pour,
            host="127.0.0.1",
            port=0,
            limits=ServerLimits(drain_s=0.3),
            stop=stop.wait,
            task_status=task_status,
        )
        ended.set()

    async with anyio.create_task_group() as tasks:
        [url] = await tasks.start(serve)
        async with raw_peer(url) as one, raw_peer(url) as other:
            await one.upgrade()
            await other.send(GET)
            await other.until(b"\r\n\r\n")
            stop.set()
            with anyio.fail_after(5):
                await ended.wait()


async def test_a_websocket_is_told_that_the_server_restarts() -> None:
    async with stoppable(websocket_app(echo)) as (url, stop), raw_peer(url) as peer:
        await peer.upgrade()
        stop.set()

        assert await peer.close_code() == 1012


async def test_a_websocket_is_told_so_too_when_the_server_is_cancelled() -> None:
    async def wait(_: WebSocketStream) -> None:
        await anyio.sleep_forever()

    async with serving(websocket_app(wait)) as url:
        peer_stream = await anyio.connect_tcp("127.0.0.1", port_of(url))
        peer = RawPeer(peer_stream)
        await peer.upgrade()
    async with peer_stream:
        assert await peer.close_code() == 1012


async def test_cancelling_is_quick_with_every_kind_of_connection_open() -> None:
    async def stuck(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await websocket_app(echo)(scope, receive, send)
        elif scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                body = {"type": "http.response.body", "body": bytes(1 << 16)}
                await send({**body, "more_body": True})

    async with anyio.create_task_group() as tasks:
        serve = partial(serve_app, stuck, host="127.0.0.1", port=0)
        [url] = await tasks.start(serve)
        peers = [await anyio.connect_tcp("127.0.0.1", port_of(url)) for _ in range(4)]
        for peer, said in zip(
            peers, (GET, b"GET / HT", UPGRADE + b"\r\n", b""), strict=True
        ):
            if said:
                await peer.send(said)
        for peer in (peers[0], peers[2]):
            await peer.receive()
        begin = anyio.current_time()
        tasks.cancel_scope.cancel()
    assert anyio.current_time() - begin < 3
    for peer in peers:
        await peer.aclose()


async def test_connections_over_the_limit_are_told_to_come_again() -> None:
    limits = ServerLimits(max_connections=2)
    async with serving(websocket_app(echo), limits=limits) as url:
        async with open_websocket(url), open_websocket(url):
            async with httpx.AsyncClient() as client:
                response = await client.get(url)
            with pytest.raises(ConnectFailed, match="try again") as caught:
                async with open_websocket(url):
                    pytest.fail("it was taken")
        async with open_websocket(url) as stream:
            await stream.send(b"room again")
            assert await stream.receive() == b"room again"

    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert response.json()["error"]["code"] == "overloaded"
    assert caught.value.status == 503


async def test_the_lifespan_surrounds_the_serving() -> None:
    story: list[str] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, str]]:
        story.append("started")
        yield {"greeting": "hello"}
        story.append("stopped")

    async def greet(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.state.greeting)

    app = Starlette(routes=[Route("/", greet)], lifespan=lifespan)
    async with serving(app) as url, httpx.AsyncClient() as client:
        story.append((await client.get(url)).text)

    assert story == ["started", "hello", "stopped"]


async def test_an_application_that_cannot_start_is_not_served() -> None:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        raise KeyError("nothing to start from")
        yield

    with pytest.raises(KeyError, match="nothing to start from"):
        await serve_app(Starlette(lifespan=lifespan), host="127.0.0.1", port=0)


@pytest.mark.parametrize("server_loop", ["asyncio", "trio"])
async def test_every_loop_talks_to_every_loop(server_loop: str) -> None:
    with server_process(server_loop) as (url, _):
        async with open_websocket(url) as stream:
            for size in (0, 1, 125, 126, 65_535, 65_536, 1 << 20):
                await stream.send(b"x" * size)
                assert await stream.receive() == b"x" * size


LOOPS = [
    pytest.param(("asyncio", {}), id="asyncio"),
    pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
    pytest.param(("trio", {}), id="trio"),
]


def reset(port: int, *, after: bytes = b"") -> None:
    """Connect, and be gone before anybody looks."""
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.connect(("127.0.0.1", port))
        if after:
            peer.send(after)


@pytest.mark.parametrize("anyio_backend", LOOPS)
async def test_connections_that_are_reset_at_once_end_nothing_else() -> None:
    limits = ServerLimits(max_connections=40)
    async with serving(websocket_app(echo), limits=limits) as url:
        for number in range(60):  # while the loop does not get to accept them
            reset(port_of(url), after=GET if number % 3 == 0 else b"")
        for _ in range(60):
            await anyio.sleep(0)
            reset(port_of(url))
        with anyio.fail_after(10):
            async with raw_peer(url) as peer:
                answer = await peer.upgrade()

    assert answer.startswith(b"HTTP/1.1 101 "), "and their places are free again"
