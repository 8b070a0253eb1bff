"""The attacks on Hypercorn's protocol code, each against the real server."""

from __future__ import annotations

import importlib.metadata
import sys
import zlib

import anyio
import httpx
import pytest

from clubai.errors import ConfigError
from clubai.transport.asgi import WebSocketStream
from clubai.transport.hardening import MAX_NOISE, EdgeConfig, check_version
from clubai.transport.websocket import open_websocket
from support.serving import echo, serving, websocket_app
from support.websocket_peers import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    UPGRADE,
    RawPeer,
    frame,
    memory_of,
    raw_peer,
    server_process,
)

MEGABYTE = 1 << 20

needs_proc = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads /proc"
)


async def still_serves(url: str) -> bool:
    async with open_websocket(url) as stream:
        await stream.send(b"alive?")
        return await stream.receive() == b"alive?"


async def test_deflate_is_never_agreed_to() -> None:
    async with serving(websocket_app(echo)) as url, raw_peer(url) as peer:
        answer = await peer.upgrade(b"Sec-WebSocket-Extensions: permessage-deflate\r\n")

        assert answer.startswith(b"HTTP/1.1 101 ")
        assert b"extensions" not in answer.lower()


@needs_proc
def test_a_deflate_bomb_ends_its_connection_and_costs_no_memory(
    anyio_backend: str,
) -> None:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = squeeze.compress(bytes(60 * MEGABYTE)) + squeeze.flush(zlib.Z_SYNC_FLUSH)

    async def attack(url: str) -> int:
        async with raw_peer(url) as peer:
            await peer.upgrade(b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
            await peer.send(frame(BINARY, bomb[:-4], rsv1=True))
            return await peer.close_code()

    with server_process(anyio_backend) as (url, pid):
        assert anyio.run(still_serves, url)
        before = memory_of(pid)
        for _ in range(4):
            assert anyio.run(attack, url) == 1002

        assert memory_of(pid) - before < 20 * MEGABYTE
        assert anyio.run(still_serves, url)


@needs_proc
@pytest.mark.parametrize("piece", [MEGABYTE // 4, 60_000])
def test_an_endless_message_ends_its_connection_and_costs_no_memory(
    anyio_backend: str, piece: int
) -> None:
    async def attack(url: str) -> int:
        async with raw_peer(url) as peer:
            await peer.upgrade()
            sent = 0
            opcode = BINARY
            try:
                while sent < 150 * MEGABYTE:
                    await peer.send(frame(opcode, bytes(piece), final=False))
                    opcode = CONTINUATION
                    sent += piece
            except anyio.BrokenResourceError:
                pass
            return sent

    with server_process(anyio_backend) as (url, pid):
        assert anyio.run(still_serves, url)
        before = memory_of(pid)
        sent = anyio.run(attack, url)

        assert sent < 100 * MEGABYTE
        assert memory_of(pid) - before < 20 * MEGABYTE
        assert anyio.run(still_serves, url)


async def test_one_huge_frame_is_refused_by_its_first_bytes() -> None:
    async with serving(websocket_app(echo)) as url, raw_peer(url) as peer:
        await peer.upgrade()
        huge = frame(BINARY, bytes(MEGABYTE + 1))
        await peer.send(huge)

        assert await peer.close_code() == 1009


@pytest.mark.parametrize("trailing", [b"\x00", frame(BINARY, b"early"), b"GET / "])
async def test_bytes_behind_an_upgrade_end_that_connection_only(
    trailing: bytes,
) -> None:
    async with serving(websocket_app(echo)) as url:
        async with open_websocket(url) as other, raw_peer(url) as peer:
            await peer.send(UPGRADE + b"\r\n" + trailing)

            assert b"101" not in (await peer.rest())[:20]
            await other.send(b"still here")
            assert await other.receive() == b"still here"
        assert await still_serves(url)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x82\x05hello", 1002),
        (frame(3, b"x"), 1002),
        (frame(CONTINUATION, b"x"), 1002),
        (frame(PING, final=False), 1002),
        (frame(TEXT, b"\xff\xfe"), 1007),
    ],
    ids=["unmasked", "unknown opcode", "no beginning", "torn ping", "not utf-8"],
)
async def test_broken_frames_end_the_connection(data: bytes, code: int) -> None:
    ended: list[BaseException] = []

    async def accept(stream: WebSocketStream) -> None:
        try:
            await stream.receive()
        except anyio.BrokenResourceError as error:
            ended.append(error)

    async with serving(websocket_app(accept)) as url, raw_peer(url) as peer:
        await peer.upgrade()
        await peer.send(data)

        assert await peer.close_code() == code
        await peer.rest()
    assert len(ended) == 1


async def test_a_message_in_many_pieces_arrives_whole() -> None:
    async with serving(websocket_app(echo)) as url, raw_peer(url) as peer:
        await peer.upgrade()
        pieces = frame(BINARY, b"a", final=False) + frame(PING, b"p")
        pieces += frame(CONTINUATION, final=False) + frame(CONTINUATION, b"bc")
        for byte in pieces:
            await peer.send(bytes([byte]))

        assert await peer.read_frame() == (PONG, b"p")
        assert await peer.read_frame() == (BINARY, b"abc")


async def test_a_peers_goodbye_is_answered() -> None:
    async with serving(websocket_app(echo)) as url, raw_peer(url) as peer:
        await peer.upgrade()
        await peer.send(frame(CLOSE, (1000).to_bytes(2, "big")))

        assert await peer.close_code() == 1000
        assert await peer.rest() == b""


@pytest.mark.parametrize(
    "noise",
    [frame(PING, b"p"), frame(PONG), frame(CONTINUATION, final=False)],
    ids=["pings", "pongs", "empty pieces"],
)
async def test_a_flood_that_is_no_message_ends_its_connection(noise: bytes) -> None:
    async with serving(websocket_app(echo)) as url, raw_peer(url) as peer:
        await peer.upgrade()
        if noise[0] & 0x0F == CONTINUATION:
            await peer.send(frame(BINARY, b"a", final=False))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_flood, peer, noise * 100, 2 * MAX_NOISE // 100)
            assert await peer.close_code() == 4029
        assert await still_serves(url)


async def _flood(peer: RawPeer, data: bytes, times: int) -> None:
    try:
        for _ in range(times):
            await peer.send(data)
    except anyio.BrokenResourceError:
        return


async def test_http2_is_not_spoken() -> None:
    async with serving(websocket_app(echo)) as url:
        async with raw_peer(url) as peer:
            await peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            assert (await peer.rest())[:9] == b"HTTP/1.1 "
        async with raw_peer(url) as peer:
            await peer.send(
                b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n"
                b"Connection: Upgrade, HTTP2-Settings, close\r\n"
                b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
            )
            assert b" 101 " not in (await peer.rest())


async def test_the_answer_names_no_server_and_has_the_date() -> None:
    async with serving(websocket_app(echo)) as url, httpx.AsyncClient() as client:
        response = await client.get(url)

    assert "server" not in response.headers
    assert response.headers["date"].endswith(" GMT")


def test_the_date_is_made_once_a_second() -> None:
    config = EdgeConfig()

    first = config.response_headers("h11")

    assert first[0][0] == b"date"
    assert EdgeConfig.response_headers(config, "h11") == first


def test_another_hypercorn_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "0.19.0")

    with pytest.raises(ConfigError, match=r"hypercorn==0\.18\.0"):
        check_version()
