"""Serves an ASGI application on a free port of loopback, for one test."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from clubai.transport.asgi import WebSocketStream
from clubai.transport.server import ServerLimits, serve_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.websockets import WebSocket


@asynccontextmanager
async def serving(
    app: Any,
    *,
    limits: ServerLimits | None = None,
    stop: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[str]:
    """Yield the address; cancelled at the end."""
    async with anyio.create_task_group() as tasks:
        serve = partial(
            serve_app, app, host="127.0.0.1", port=0, limits=limits, stop=stop
        )
        [url] = await tasks.start(serve)
        yield url
        tasks.cancel_scope.cancel()


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def websocket_app(
    accepted: Callable[[WebSocketStream], Awaitable[None]], **options: Any
) -> Starlette:
    """An application that accepts at `/` and hands the stream over."""

    async def connect(websocket: WebSocket) -> None:
        offered = websocket.scope["subprotocols"]
        await websocket.accept(subprotocol=offered[0] if offered else None)
        await accepted(WebSocketStream(websocket, **options))

    return Starlette(routes=[WebSocketRoute("/", connect)])


async def echo(stream: WebSocketStream) -> None:
    """Send back what comes, until the end."""
    try:
        while True:
            await stream.send(await stream.receive())
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return
    finally:
        await stream.aclose()
