"""One connection: slow peers, garbage, clients that leave, applications that fail."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from clubai.transport.asgi import WebSocketStream
from clubai.transport.server import ServerLimits
from support.serving import echo, serving, websocket_app
from support.websocket_peers import BINARY, GET, PING, PONG, RawPeer, frame, raw_peer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

QUICK = ServerLimits(
    header_timeout_s=0.2, body_timeout_s=0.2, keep_alive_s=0.2, send_timeout_s=0.2
)


async def _hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def _read(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


def site() -> Starlette:
    return Starlette(
        routes=[
            Route("/", _hello, methods=["GET", "POST"]),
            Route("/read", _read, methods=["POST"]),
        ]
    )


class Endless:
    """A response without end, by Starlette, that tells how it was ended."""

    def __init__(self, chunk: bytes, pause: float = 0.0) -> None:
        self.begun = anyio.Event()
        self.ended = anyio.Event()
        self._chunk = chunk
        self._pause = pause

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        try:
            await StreamingResponse(self._chunks())(scope, receive, send)
        finally:
            self.ended.set()

    async def _chunks(self) -> AsyncIterator[bytes]:
        self.begun.set()
        try:
            while True:
                yield self._chunk
                await anyio.sleep(self._pause)
        finally:
            self.ended.set()


async def test_a_stream_is_cancelled_when_its_client_leaves() -> None:
    app = Endless(b"data: x\n\n", pause=30)
    async with serving(app) as url:
        async with raw_peer(url) as peer:
            await peer.send(GET)
            await peer.until(b"data: x\n\n")
        with anyio.fail_after(2):
            await app.ended.wait()


async def test_a_client_that_stops_reading_a_stream_is_dropped() -> None:
    ended = anyio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                chunk = {"type": "http.response.body", "body": bytes(1 << 16)}
                await send({**chunk, "more_body": True})
        finally:
            ended.set()

    async with serving(app, limits=QUICK) as url, raw_peer(url) as peer:
        await peer.send(GET)
        with anyio.fail_after(5):
            await ended.wait()


async def test_a_client_that_stops_reading_has_starlettes_stream_cancelled() -> None:
    app = Endless(bytes(1 << 16), pause=0.001)
    async with serving(app, limits=QUICK) as url, raw_peer(url) as peer:
        await peer.send(GET)
        with anyio.fail_after(10):
            await app.ended.wait()


async def test_a_slow_but_steady_reader_gets_everything() -> None:
    size = 4 << 20

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse(bytes(size))(scope, receive, send)

    async with serving(app, limits=QUICK) as url, raw_peer(url) as peer:
        await peer.send(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        await peer.until(b"\r\n\r\n")
        got = len(peer.take())
        while got < size:
            got += len(await peer.stream.receive())
            await anyio.sleep(0.005)

        assert got == size


@pytest.mark.parametrize(
    "head",
    [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST / HTTP/1.1\r\nX: "],
    ids=["nothing", "a letter", "no end", "half a header"],
)
async def test_a_head_that_does_not_end_is_dropped(head: bytes) -> None:
    async with serving(site(), limits=QUICK) as url, raw_peer(url) as peer:
        if head:
            await peer.send(head)
        with anyio.fail_after(2):
            assert await peer.rest() == b""


async def drip(peer: RawPeer) -> None:
    while True:
        await peer.send(b"G")
        await anyio.sleep(0.05)


async def test_a_head_that_comes_drop_by_drop_is_dropped() -> None:
    async with serving(site(), limits=QUICK) as url, raw_peer(url) as peer:
        with anyio.fail_after(3), pytest.raises(anyio.BrokenResourceError):
            await drip(peer)


async def test_a_body_that_does_not_end_is_dropped() -> None:
    async with serving(site(), limits=QUICK) as url, raw_peer(url) as peer:
        await peer.send(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx")
        with anyio.fail_after(2):
            assert b"200" not in await peer.rest()


async def test_an_idle_connection_is_kept_for_a_time_and_then_closed() -> None:
    async with serving(site(), limits=QUICK) as url, raw_peer(url) as peer:
        for _ in range(3):
            await peer.send(GET)
            await peer.until(b"hello")
        with anyio.fail_after(2):
            assert await peer.rest() == b""


async def test_a_slow_application_is_not_cut_by_the_times_for_clients() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await anyio.sleep(0.6)
        await PlainTextResponse("late")(scope, receive, send)

    async with serving(app, limits=QUICK) as url, httpx.AsyncClient() as client:
        assert (await client.post(url, content=b"x")).text == "late"


async def test_a_quiet_websocket_is_not_cut() -> None:
    app = websocket_app(echo)
    async with serving(app, limits=QUICK) as url, raw_peer(url) as peer:
        await peer.upgrade()
        with anyio.move_on_after(0.6) as scope:
            await peer.rest()

        assert scope.cancelled_caught


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with serving(site()) as url, raw_peer(url) as peer:
        post = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
        await peer.send(GET + post + GET + post)

        for expected in (b"hello", b"3", b"hello", b"3"):
            await peer.until(b"\r\n\r\n")
            assert await peer.exactly(len(expected)) == expected


async def test_a_pipelining_client_that_leaves_is_let_go() -> None:
    app = Endless(b"x", pause=0.01)
    async with serving(app, limits=QUICK) as url:
        async with raw_peer(url) as peer:
            await peer.send(GET + GET)
            await app.begun.wait()
        with anyio.fail_after(5):
            await app.ended.wait()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"\x00" * 100,
        b"GET\r\n\r\n",
        b"GET / HTTP/9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: zip\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\x7f: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000,
        b"\r\n" * 20_000,
    ],
)
async def test_garbage_gets_an_error_or_nothing(garbage: bytes) -> None:
    async with serving(site()) as url:
        async with raw_peer(url) as peer:
            await peer.send(garbage)
            with anyio.fail_after(3):
                answer = await peer.rest()
        async with httpx.AsyncClient() as client:
            assert (await client.get(url)).text == "hello"

    assert answer[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 431", b"HTTP/1.1 501")


async def test_a_chunked_body_with_broken_chunks_ends_the_connection() -> None:
    async with serving(site()) as url, raw_peer(url) as peer:
        await peer.send(
            b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"zz\r\nxx\r\n"
        )
        with anyio.fail_after(3):
            assert b" 200 " not in await peer.rest()


async def test_an_application_that_answers_without_reading_does_not_hang() -> None:
    size = 4 << 20
    async with serving(site()) as url, raw_peer(url) as peer:
        head = f"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_send_if_possible, peer, head.encode() + bytes(size))
            with anyio.fail_after(3):
                answer = await peer.rest()
            tasks.cancel_scope.cancel()

    assert answer.startswith(b"HTTP/1.1 404 ")


async def _send_if_possible(peer: RawPeer, data: bytes) -> None:
    try:
        await peer.send(data)
    except anyio.BrokenResourceError:
        return


async def test_a_failing_application_costs_its_own_request_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        async with serving(app) as url, httpx.AsyncClient() as client:
            for _ in range(2):
                assert (await client.get(url)).status_code == 500

    failed = [r for r in caplog.records if r.message == "the application failed"]
    assert len(failed) == 2


async def test_an_answer_that_breaks_off_does_not_look_complete() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ZeroDivisionError

    async with serving(app) as url, httpx.AsyncClient() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(url)


async def test_continue_is_said_to_who_waits_for_it() -> None:
    async with serving(site()) as url, raw_peer(url) as peer:
        await peer.send(
            b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        assert (await peer.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        await peer.send(b"ab")
        assert (await peer.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_a_websocket_that_answers_no_pings_is_dropped() -> None:
    over = anyio.Event()

    async def accept(stream: WebSocketStream) -> None:
        with pytest.raises(anyio.BrokenResourceError):
            await stream.receive()
        over.set()

    limits = ServerLimits(ping_s=0.1, silent_s=0.3)
    async with (
        serving(websocket_app(accept), limits=limits) as url,
        raw_peer(url) as peer,
    ):
        await peer.upgrade()
        with anyio.fail_after(5):
            assert await peer.read_frame() == (PING, b"")
            assert await peer.read_frame() == (PING, b"")
            await over.wait()


async def test_a_websocket_that_only_answers_pings_lives() -> None:
    limits = ServerLimits(ping_s=0.05, silent_s=0.15)
    async with (
        serving(websocket_app(echo), limits=limits) as url,
        raw_peer(url) as peer,
    ):
        await peer.upgrade()
        with anyio.fail_after(10):
            for _ in range(8):
                assert await peer.read_frame() == (PING, b"")
                await peer.send(frame(PONG))
        await peer.send(frame(BINARY, b"here"))
        while (got := await peer.read_frame()) == (PING, b""):
            pass
        assert got == (BINARY, b"here")


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="no such option")
async def test_the_kernel_ends_a_connection_whose_other_end_is_gone() -> None:
    found: list[tuple[int, int]] = []
    real = socket.socket.setsockopt

    def note(self: socket.socket, level: int, option: int, value: Any) -> None:
        found.append((option, value))
        real(self, level, option, value)

    with pytest.MonkeyPatch.context() as patch:
        async with serving(site(), limits=ServerLimits(silent_s=30.0)) as url:
            patch.setattr(socket.socket, "setsockopt", note)
            async with httpx.AsyncClient() as client:
                await client.get(url)

    assert (socket.TCP_USER_TIMEOUT, 30_000) in found
    assert (socket.SO_KEEPALIVE, 1) in found
