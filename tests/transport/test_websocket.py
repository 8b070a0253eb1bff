"""Dialling: what is sent, what is refused, and what errors may say."""

from __future__ import annotations

import logging
import socket
import traceback
from typing import TYPE_CHECKING

import anyio
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route, WebSocketRoute

from clubai.errors import ConnectFailed
from clubai.transport.asgi import WebSocketStream
from clubai.transport.websocket import open_websocket
from support.serving import echo, port_of, serving, websocket_app

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import ObjectStream, SocketStream
    from starlette.requests import Request
    from starlette.websockets import WebSocket

TOKEN = "cak_planted_secret"


async def failure(url: str, **options: object) -> ConnectFailed:
    with pytest.raises(ConnectFailed) as caught:
        async with open_websocket(url, **options):  # type: ignore[arg-type]
            pytest.fail("it was opened")
    return caught.value


async def test_the_token_and_the_subprotocol_are_sent_and_no_origin() -> None:
    seen: dict[str, str | None] = {}

    async def connect(websocket: WebSocket) -> None:
        for name in ("authorization", "origin", "sec-websocket-extensions"):
            seen[name] = websocket.headers.get(name)
        await websocket.accept(subprotocol=websocket.scope["subprotocols"][0])
        await echo(WebSocketStream(websocket))

    app = Starlette(routes=[WebSocketRoute("/nodes/connect", connect)])
    async with serving(app) as url:
        dialled = f"{url.replace('http', 'ws')}/nodes/connect?x=1"
        async with open_websocket(dialled, token=TOKEN) as stream:
            await stream.send(b"hello")
            assert await stream.receive() == b"hello"

    assert seen == {
        "authorization": f"Bearer {TOKEN}",
        "origin": None,
        "sec-websocket-extensions": None,
    }


async def test_a_refused_upgrade_gives_status_and_message() -> None:
    async def connect(websocket: WebSocket) -> None:
        body = {"error": {"message": "this key was revoked", "code": "revoked"}}
        await websocket.send_denial_response(JSONResponse(body, status_code=401))

    app = Starlette(routes=[WebSocketRoute("/", connect)])
    async with serving(app) as url:
        error = await failure(url, token=TOKEN)

    assert error.status == 401
    assert error.reason == "the answer was HTTP 401: this key was revoked"
    assert error.url == f"{url}"


async def test_a_path_that_is_no_websocket_gives_its_status() -> None:
    async def page(_: Request) -> JSONResponse:
        return JSONResponse({})

    async with serving(Starlette(routes=[Route("/", page)])) as url:
        assert (await failure(url)).status in (403, 404)


async def test_a_redirect_is_not_followed() -> None:
    async def away(websocket: WebSocket) -> None:
        await websocket.send_denial_response(RedirectResponse("/there"))

    async def there(websocket: WebSocket) -> None:
        pytest.fail("it was followed")

    routes = [WebSocketRoute("/", away), WebSocketRoute("/there", there)]
    async with serving(Starlette(routes=routes)) as url:
        assert (await failure(url, token=TOKEN)).status == 307


async def test_an_end_that_does_not_speak_ours_is_refused() -> None:
    async def connect(websocket: WebSocket) -> None:
        await websocket.accept()
        await echo(WebSocketStream(websocket))

    app = Starlette(routes=[WebSocketRoute("/", connect)])
    async with serving(app) as url:
        assert "clubai.1" in (await failure(url)).reason
        async with open_websocket(url, subprotocol="") as stream:
            await stream.send(b"x")
            assert await stream.receive() == b"x"


async def test_nobody_listening_is_a_failure_to_connect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = await failure(f"ws://127.0.0.1:{port}")

    assert (error.url, error.status) == (f"ws://127.0.0.1:{port}", None)


async def test_a_host_without_address_is_a_failure_to_connect() -> None:
    await failure("ws://no.such.host.invalid")


async def against(
    answer: Callable[[SocketStream], Awaitable[None]], scheme: str = "ws"
) -> ConnectFailed:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.listeners[0].extra_attributes[
        anyio.abc.SocketAttribute.local_port
    ]()
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, answer)
        error = await failure(
            f"{scheme}://127.0.0.1:{port}", token=TOKEN, connect_timeout=0.5
        )
        tasks.cancel_scope.cancel()
    return error


async def test_an_end_that_never_answers_is_given_up() -> None:
    async def silent(stream: SocketStream) -> None:
        async with stream:
            await anyio.sleep_forever()

    assert "within 0.5 seconds" in (await against(silent)).reason


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 101 ",
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 101 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ],
)
@pytest.mark.parametrize("scheme", ["ws", "wss"])
async def test_an_end_that_is_no_websocket_is_a_failure_to_connect(
    answer: bytes, scheme: str
) -> None:
    async def other(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            if answer:
                await stream.send(answer)

    await against(other, scheme)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:1",
        "ftp://localhost",
        "ws://",
        "ws://localhost:x",
        "ws://[::",
        "ws://user:planted@localhost",
    ],
)
async def test_an_address_that_is_none_is_refused(url: str) -> None:
    assert "planted" not in str(await failure(url))


@pytest.mark.parametrize("token", ["two\r\nlines", "\x00", "sch\u00f6n"])
async def test_a_token_that_no_header_can_carry_is_refused(token: str) -> None:
    error = await failure("ws://127.0.0.1:1", token=token)

    assert token not in str(error)


async def test_the_token_is_in_no_error_and_no_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with serving(websocket_app(echo)) as url:
            async with open_websocket(url, token=TOKEN) as stream:
                await stream.send(b"x")
                await stream.receive()
                assert TOKEN not in repr(stream)
            port = port_of(url)
            errors = [await failure(f"{url}/nowhere?k=planted_query", token=TOKEN)]
        errors.append(await failure(f"ws://127.0.0.1:{port}", token=TOKEN))

    text = "".join("".join(traceback.format_exception(error)) for error in errors)
    for secret in (TOKEN, "planted_query"):
        assert secret not in text
    assert TOKEN not in caplog.text


async def test_what_the_block_raises_comes_out_as_it_is() -> None:
    async with serving(websocket_app(echo)) as url:
        with pytest.raises(KeyError):
            async with open_websocket(url):
                raise KeyError


async def test_a_block_that_is_cancelled_ends_quickly() -> None:
    async with serving(websocket_app(echo)) as url:
        begin = anyio.current_time()
        with anyio.move_on_after(0.05) as scope:
            async with open_websocket(url) as stream:
                await stream.receive()

        assert scope.cancelled_caught
        assert anyio.current_time() - begin < 1


async def flood(stream: ObjectStream[bytes]) -> None:
    while True:
        await stream.send(bytes(1 << 20))


async def test_a_peer_that_takes_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("clubai.transport.websocket.SEND_TIMEOUT_S", 0.2)

    async def deaf(_: WebSocketStream) -> None:
        await anyio.sleep_forever()

    async with serving(websocket_app(deaf)) as url, open_websocket(url) as stream:
        with anyio.fail_after(10), pytest.raises(anyio.BrokenResourceError):
            await flood(stream)
        with anyio.fail_after(1), pytest.raises(anyio.BrokenResourceError):
            await stream.receive()
