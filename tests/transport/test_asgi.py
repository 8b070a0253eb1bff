"""What only the accepting end does; the contract is in `test_base`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from clubai.protocol.messages import CloseCode
from clubai.transport.asgi import WebSocketStream
from clubai.transport.frames import each_frame
from clubai.transport.websocket import open_websocket
from support.serving import serving, websocket_app
from support.websocket_peers import BINARY, TEXT, frame, raw_peer

if TYPE_CHECKING:
    from collections.abc import Callable


async def test_text_ends_the_connection() -> None:
    ended: list[str] = []

    async def accept(stream: WebSocketStream) -> None:
        for _ in range(2):
            with pytest.raises(anyio.BrokenResourceError) as caught:
                await stream.receive()
            ended.append(str(caught.value))

    async with serving(websocket_app(accept)) as url, raw_peer(url) as peer:
        await peer.upgrade()
        await peer.send(frame(TEXT, b"hello") + frame(BINARY, b"hello"))

        assert await peer.close_code() == CloseCode.BAD_MESSAGE
    assert ended == ["refused with code 4002: text is not spoken"] * 2


@pytest.mark.parametrize("code", [4001, 4009, 1012])
async def test_a_close_says_why(code: int) -> None:
    async def accept(stream: WebSocketStream) -> None:
        await stream.close_with(code, "because é" + "." * 200)
        await stream.close_with(4002, "too late")

    async with serving(websocket_app(accept)) as url, raw_peer(url) as peer:
        await peer.upgrade()
        _, payload = await peer.read_frame()

    assert payload[:2] == code.to_bytes(2, "big")
    assert payload[2:].decode().startswith("because é...")
    assert len(payload) <= 125


@pytest.mark.parametrize(
    "use",
    [lambda stream: stream.send(b"x"), lambda stream: stream.receive()],
    ids=["send", "receive"],
)
async def test_a_close_with_a_code_of_ours_is_a_break_at_the_other_end(
    use: Callable[[WebSocketStream], object],
) -> None:
    async def accept(stream: WebSocketStream) -> None:
        await stream.close_with(CloseCode.REPLACED, "a newer one came")
        with pytest.raises(anyio.ClosedResourceError):
            await use(stream)  # type: ignore[misc]

    async with (
        serving(websocket_app(accept)) as url,
        open_websocket(url) as stream,
    ):
        with pytest.raises(anyio.BrokenResourceError, match="4009: a newer one"):
            await stream.receive()


async def test_a_connection_that_is_cut_is_a_break() -> None:
    ended = anyio.Event()

    async def accept(stream: WebSocketStream) -> None:
        with pytest.raises(anyio.BrokenResourceError):
            await stream.receive()
        with pytest.raises(anyio.BrokenResourceError):
            await stream.send(b"x")
        ended.set()

    async with serving(websocket_app(accept)) as url:
        async with raw_peer(url) as peer:
            await peer.upgrade()
        with anyio.fail_after(2):
            await ended.wait()


async def test_messages_are_pushed_until_what_is_refused() -> None:
    taken: list[bytes] = []
    ended = anyio.Event()

    async def accept(stream: WebSocketStream) -> None:
        with pytest.raises(anyio.BrokenResourceError, match="4002"):
            await each_frame(stream, taken.append)
        ended.set()

    async with serving(websocket_app(accept)) as url, raw_peer(url) as peer:
        await peer.upgrade()
        await peer.send(frame(BINARY, b"a") + frame(BINARY, b"b"))
        await peer.send(frame(TEXT, b"c") + frame(BINARY, b"d"))
        assert await peer.close_code() == CloseCode.BAD_MESSAGE
        with anyio.fail_after(2):
            await ended.wait()
    assert taken == [b"a", b"b"]


async def test_a_push_ends_with_the_connection() -> None:
    ended: list[type[BaseException]] = []

    async def accept(stream: WebSocketStream) -> None:
        try:
            await each_frame(stream, lambda _: None)
        except (anyio.EndOfStream, anyio.BrokenResourceError) as error:
            ended.append(type(error))

    async with serving(websocket_app(accept)) as url:
        async with open_websocket(url) as stream:
            await stream.send(b"x")
        async with raw_peer(url) as peer:
            await peer.upgrade()
            await peer.send(frame(BINARY, b"a"))
        with anyio.fail_after(2):
            while len(ended) < 2:
                await anyio.sleep(0.001)
    assert set(ended) == {anyio.EndOfStream, anyio.BrokenResourceError}


async def flood(stream: WebSocketStream) -> None:
    while True:
        await stream.send(b"x" * 1000)


async def test_a_sender_learns_that_the_peer_is_gone() -> None:
    ended = anyio.Event()

    async def accept(stream: WebSocketStream) -> None:
        with pytest.raises(anyio.BrokenResourceError):
            await flood(stream)
        ended.set()

    async with serving(websocket_app(accept)) as url:
        async with raw_peer(url) as peer:
            await peer.upgrade()
        with anyio.fail_after(2):
            await ended.wait()
