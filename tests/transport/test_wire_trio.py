"""What only the trio wire does; the contract is in `test_base`."""

from __future__ import annotations

import anyio
import pytest

from clubai.transport.asgi import WebSocketStream
from clubai.transport.websocket import open_websocket
from support.serving import serving, websocket_app


@pytest.fixture
def anyio_backend() -> str:
    return "trio"


async def test_text_breaks_the_connection() -> None:
    async def accept(stream: WebSocketStream) -> None:
        await stream._raw_send({"type": "websocket.send", "text": "hello"})
        with pytest.raises(anyio.BrokenResourceError, match="4002"):
            await stream.receive()

    async with serving(websocket_app(accept)) as url, open_websocket(url) as stream:
        with pytest.raises(anyio.BrokenResourceError, match="text"):
            await stream.receive()
