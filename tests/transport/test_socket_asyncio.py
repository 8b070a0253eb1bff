"""What only the socket under asyncio does; the rest is in `test_sockets`."""

from __future__ import annotations

import asyncio
from typing import cast

import anyio
import pytest

from clubai.transport.socket_asyncio import SOON_BYTES, AsyncioSocket


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Transport:
    """Takes `room` bytes, and remembers what it was told."""

    def __init__(self, protocol: AsyncioSocket, room: int) -> None:
        self.protocol = protocol
        self.room = room
        self.written: list[bytes] = []
        self.reading = True
        self.closing = False

    def get_extra_info(self, name: str) -> object:
        if name == "socket":
            return None
        if name == "sockname":
            return ("::1", 80, 0, 0)
        raise AttributeError(f"uvloop's, of one that is gone: {name}")

    def set_write_buffer_limits(self, high: int) -> None:
        assert high == 0

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self.room -= len(data)
        if self.room < 0:
            self.protocol.pause_writing()

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def abort(self) -> None:
        self.closing = True


def made(room: int = 1 << 30) -> tuple[AsyncioSocket, Transport]:
    accepted = AsyncioSocket()
    transport = Transport(accepted, room)
    accepted.connection_made(cast("asyncio.Transport", transport))
    return accepted, transport


async def test_the_writes_of_one_turn_are_one() -> None:
    accepted, transport = made()
    assert accepted.write_soon(b"head ")
    assert accepted.write_soon(b"body")
    assert transport.written == []
    await anyio.wait_all_tasks_blocked()
    assert accepted.write_soon(b"next")
    await anyio.wait_all_tasks_blocked()

    assert transport.written == [b"head body", b"next"]


async def test_one_turn_has_a_bound() -> None:
    accepted, transport = made()
    assert accepted.write_soon(bytes(SOON_BYTES - 1))
    assert not accepted.write_soon(b"xx")
    await accepted.send(b"xx")

    assert [len(data) for data in transport.written] == [SOON_BYTES - 1, 2]


async def test_nothing_more_is_taken_while_the_peer_is_behind() -> None:
    accepted, transport = made(room=3)
    assert accepted.write_soon(b"four")
    await anyio.wait_all_tasks_blocked()
    assert not accepted.write_soon(b"x")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(accepted.send, b"x")
        tasks.start_soon(accepted.flush)
        await anyio.wait_all_tasks_blocked()
        assert transport.written == [b"four"]
        transport.room = 9
        accepted.resume_writing()

    assert transport.written == [b"four", b"x"]
    assert accepted.write_soon(b"y")


async def test_reading_rests_while_nobody_takes() -> None:
    accepted, transport = made()
    accepted.data_received(b"one")
    assert transport.reading
    accepted.data_received(b"two")
    assert not transport.reading
    accepted.data_received(b"three")

    assert [await accepted.receive() for _ in range(3)] == [b"one", b"two", b"three"]
    assert transport.reading


async def test_a_lost_connection_lets_go_of_who_waits() -> None:
    accepted, _ = made(room=0)
    accepted.write_soon(b"x")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(accepted.flush)
        await anyio.wait_all_tasks_blocked()
        accepted.connection_lost(ConnectionResetError())

    with pytest.raises(anyio.BrokenResourceError):
        await accepted.receive()


async def test_what_is_left_over_is_not_written_to_who_is_gone() -> None:
    accepted, transport = made()
    accepted.write_soon(b"x")
    transport.closing = True
    await anyio.wait_all_tasks_blocked()

    assert transport.written == []


async def test_a_peer_that_is_gone_before_it_is_asked_for_has_no_name() -> None:
    accepted, _ = made()

    assert (accepted.local, accepted.remote) == (("::1", 80), None)
