"""What the server needs of an accepted socket, on either loop."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio import to_thread
from anyio.abc import SocketAttribute

from clubai.transport.sockets import Socket, accept, as_address

if TYPE_CHECKING:
    from anyio.abc import SocketStream

SMALL = 1 << 14
"""Of the kernel's buffers, so that a peer is soon behind."""
GONE = (anyio.ClosedResourceError, anyio.BrokenResourceError)


@pytest.fixture(params=["asyncio", "uvloop", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """The commands run on uvloop, whose transports are its own."""
    if request.param == "uvloop":
        return "asyncio", {"use_uvloop": True}
    return request.param, {}


def attribute(end: Any, which: Any) -> Any:
    return end.extra_attributes[which]()


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Socket, SocketStream]]:
    """An accepted socket, and the peer that dialled it."""
    multi = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    [listener] = multi.listeners
    raw: Any = attribute(listener, SocketAttribute.raw_socket)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
    port = raw.getsockname()[1]
    dialled: list[SocketStream] = []

    async def dial() -> None:
        dialled.append(await anyio.connect_tcp("127.0.0.1", port))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dial)
        accepted = await accept(listener)
    try:
        yield accepted, dialled[0]
    finally:
        await accepted.aclose()
        await dialled[0].aclose()
        await listener.aclose()


async def received(peer: SocketStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += await peer.receive()
    return data


async def send_for_ever(accepted: Socket) -> None:
    while True:
        await accepted.send(bytes(SMALL))


async def write(accepted: Socket, data: bytes) -> None:
    """As a connection does: soon, or else with patience."""
    if not accepted.write_soon(data):
        await accepted.send(data)


async def test_both_ends_are_known_by_their_addresses() -> None:
    async with pair() as (accepted, peer):
        mine = attribute(peer, SocketAttribute.local_address)
        theirs = attribute(peer, SocketAttribute.remote_address)

        assert (accepted.remote, accepted.local) == (mine, theirs)


async def test_the_kernel_sends_small_pieces_at_once() -> None:
    async with pair() as (accepted, _):
        assert accepted.raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_what_is_written_comes_in_order() -> None:
    pieces = [bytes([n % 251]) * (n * 37 % 5000) for n in range(300)]
    sent = b"".join(pieces)
    async with pair() as (accepted, peer), anyio.create_task_group() as tasks:

        async def send() -> None:
            for number, piece in enumerate(pieces):
                if number % 3:
                    await write(accepted, piece)
                else:
                    await accepted.send(piece)

        tasks.start_soon(send)
        assert await received(peer, len(sent)) == sent


async def test_what_comes_is_received_in_order() -> None:
    sent = bytes(n * n % 251 for n in range(1 << 19))
    async with pair() as (accepted, peer), anyio.create_task_group() as tasks:
        tasks.start_soon(peer.send, sent)
        got = b""
        while len(got) < len(sent):
            piece = await accepted.receive()
            assert piece
            got += piece

    assert got == sent


async def test_a_reader_can_be_cancelled_while_its_peer_never_rests() -> None:
    async with pair() as (accepted, peer), anyio.create_task_group() as tasks:

        async def flood() -> None:
            while True:
                await peer.send(bytes(1 << 18))

        tasks.start_soon(flood)
        received = 0
        with anyio.CancelScope() as reading:
            while received < 100 << 20:
                received += len(await accepted.receive())
                if received > 1 << 20:
                    reading.cancel()
        tasks.cancel_scope.cancel()

    assert reading.cancelled_caught
    assert received < 4 << 20


async def test_a_slow_peer_is_waited_for_and_its_time_is_known() -> None:
    async with pair() as (accepted, peer):
        sent = 0
        with anyio.move_on_after(0.2) as waited:
            while True:
                await write(accepted, bytes(SMALL))
                sent += SMALL

        assert waited.cancelled_caught
        assert not accepted.write_soon(b"more")
        if accepted.behind_since < float("inf"):  # trio's is known by who sends
            assert 0 <= time.monotonic() - accepted.behind_since < 60
        while sent > 0:
            sent -= len(await peer.receive())
        with anyio.fail_after(10):
            await accepted.flush()
            await accepted.send(b"again")


async def test_the_end_of_what_a_peer_sends_comes_after_it() -> None:
    async with pair() as (accepted, peer):
        await peer.send(b"last words")
        await peer.send_eof()

        assert await accepted.receive() == b"last words"
        with pytest.raises(anyio.EndOfStream):
            await accepted.receive()
        await write(accepted, b"heard")
        assert await peer.receive() == b"heard"


async def test_a_peer_is_told_the_end_after_what_was_written() -> None:
    async with pair() as (accepted, peer):
        await write(accepted, b"last words")
        await accepted.send_eof()

        assert await peer.receive() == b"last words"
        with pytest.raises(anyio.EndOfStream):
            await peer.receive()


async def test_what_was_to_be_written_soon_goes_out_before_a_close() -> None:
    async with pair() as (accepted, peer):
        await write(accepted, b"last words")
        await accepted.aclose()

        assert await peer.receive() == b"last words"


async def test_a_reset_is_no_end() -> None:
    async with pair() as (accepted, peer):
        raw: Any = attribute(peer, SocketAttribute.raw_socket)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await peer.aclose()

        with pytest.raises(anyio.BrokenResourceError):
            await accepted.receive()
        with pytest.raises(GONE):
            await send_for_ever(accepted)
        await accepted.flush()
        await accepted.send_eof()


async def test_nothing_is_written_after_the_end() -> None:
    async with pair() as (accepted, peer):
        await accepted.send_eof()

        assert not accepted.write_soon(b"x")
        with pytest.raises(GONE):
            await accepted.send(b"x")
        with pytest.raises(anyio.EndOfStream):
            await peer.receive()


async def test_a_socket_that_is_gone_still_has_a_name() -> None:
    async with pair() as (accepted, peer):
        named = accepted.remote
        raw: Any = attribute(peer, SocketAttribute.raw_socket)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await peer.aclose()
        with pytest.raises(anyio.BrokenResourceError):
            await accepted.receive()

        assert accepted.remote in (named, None)
        assert named is not None


async def test_a_closed_socket_takes_and_gives_nothing() -> None:
    async with pair() as (accepted, _):
        await accepted.aclose()
        await accepted.aclose()

        assert not accepted.write_soon(b"x")
        with pytest.raises(anyio.ClosedResourceError):
            await accepted.send(b"x")
        with pytest.raises(anyio.ClosedResourceError):
            await accepted.receive()


async def test_closing_wakes_who_reads_and_who_writes() -> None:
    async with pair() as (accepted, _), anyio.create_task_group() as tasks:

        async def read() -> None:
            with pytest.raises(GONE):
                await accepted.receive()

        async def send() -> None:
            with pytest.raises(GONE):
                await send_for_ever(accepted)

        tasks.start_soon(read)
        tasks.start_soon(send)
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(10):
            await accepted.aclose()


async def test_a_cancelled_accept_leaves_the_listener_whole() -> None:
    multi = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    [listener] = multi.listeners
    port = attribute(listener, SocketAttribute.local_port)
    with anyio.move_on_after(0.01):
        await accept(listener)

    def dial() -> socket.socket:
        return socket.create_connection(("127.0.0.1", port))

    peer = await to_thread.run_sync(dial)
    with anyio.fail_after(10):
        accepted = await accept(listener)
    assert accepted.remote == peer.getsockname()
    peer.close()
    await accepted.aclose()
    await listener.aclose()


def test_a_name_of_another_kind_is_no_address() -> None:
    assert as_address(("::1", 80, 0, 0)) == ("::1", 80)
    assert as_address("/run/socket") is None
    assert as_address(None) is None
