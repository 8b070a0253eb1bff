"""Every kind of stream pair that the transport contract runs over."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from clubai.protocol.messages import MAX_MESSAGE_BYTES
from clubai.transport.memory import MemoryNetwork, memory_pair
from clubai.transport.server import ServerLimits
from clubai.transport.websocket import open_websocket
from support.serving import serving, websocket_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import ObjectStream

    from clubai.transport.asgi import WebSocketStream

    Pair = tuple[ObjectStream[bytes], ObjectStream[bytes]]

LOCAL = ("memory", "network")
SOCKETS = ("dialled", "accepted")
"""Named after the near end."""


@asynccontextmanager
async def open_pair(
    kind: str,
    *,
    near_limit: int = MAX_MESSAGE_BYTES,
    far_limit: int = MAX_MESSAGE_BYTES,
) -> AsyncIterator[Pair]:
    if kind == "memory":
        near, far = memory_pair(buffer=4)
        yield near, far
        await near.aclose()
        await far.aclose()
    elif kind == "network":
        async with _over_network() as pair:
            yield pair
    elif kind == "dialled":
        async with _over_sockets(near_limit, far_limit) as pair:
            yield pair
    else:
        async with _over_sockets(far_limit, near_limit) as (dialled, accepted):
            yield accepted, dialled


@asynccontextmanager
async def _over_network() -> AsyncIterator[Pair]:
    network = MemoryNetwork(buffer=4)
    arrived: list[ObjectStream[bytes]] = []
    ready = anyio.Event()

    async def accept(stream: ObjectStream[bytes]) -> None:
        arrived.append(stream)
        ready.set()

    async with anyio.create_task_group() as tasks, network.listen("far") as listener:
        tasks.start_soon(listener.serve, accept)
        near = await network.dial("far")
        await ready.wait()
        yield near, arrived[0]
        await near.aclose()
        await arrived[0].aclose()


@asynccontextmanager
async def _over_sockets(dialled: int, accepted: int) -> AsyncIterator[Pair]:
    arrived: list[WebSocketStream] = []
    ready, done = anyio.Event(), anyio.Event()

    async def accept(stream: WebSocketStream) -> None:
        arrived.append(stream)
        ready.set()
        await done.wait()
        await stream.aclose()

    app = websocket_app(accept, max_message_bytes=accepted)
    limits = ServerLimits(max_message_bytes=accepted)
    async with (
        serving(app, limits=limits) as url,
        open_websocket(url, max_message_bytes=dialled) as near,
    ):
        await ready.wait()
        yield near, arrived[0]
        done.set()
