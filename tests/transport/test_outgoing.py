"""Bytes on their way out: order, bound, cancelled senders, the end."""

from __future__ import annotations

import anyio
import pytest

from clubai.transport.outgoing import HIGH_WATER_BYTES, Outgoing

FULL = bytes(HIGH_WATER_BYTES)


class Wire:
    """Writes as much as it is let."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.open = anyio.Event()

    async def write(self, items: list[bytes]) -> None:
        await self.open.wait()
        self.written += items


async def test_what_is_put_is_written_in_order() -> None:
    outgoing, wire = Outgoing(), Wire()
    wire.open.set()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outgoing.pump, wire.write)
        for number in range(10):
            await outgoing.put(bytes([number]))
        await outgoing.flush()
        outgoing.close()

    assert wire.written == [bytes([n]) for n in range(10)]


async def test_a_sender_waits_for_room_and_takes_its_turn() -> None:
    outgoing, wire = Outgoing(), Wire()
    async with anyio.create_task_group() as tasks:
        await outgoing.put(FULL)
        for number in range(5):
            tasks.start_soon(outgoing.put, bytes([number]))
            await anyio.wait_all_tasks_blocked()
        tasks.start_soon(outgoing.pump, wire.write)
        await anyio.wait_all_tasks_blocked()
        wire.open.set()
        await anyio.wait_all_tasks_blocked()
        outgoing.close()

    assert wire.written == [FULL, *(bytes([n]) for n in range(5))]


async def test_what_is_being_written_still_takes_room() -> None:
    outgoing, wire = Outgoing(), Wire()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outgoing.pump, wire.write)
        await outgoing.put(FULL)
        await anyio.wait_all_tasks_blocked()
        with anyio.move_on_after(0.05) as scope:
            await outgoing.put(b"more")

        assert scope.cancelled_caught
        outgoing.close()
        wire.open.set()
    assert wire.written == [FULL]


async def test_a_cancelled_sender_leaves_no_trace() -> None:
    outgoing, wire = Outgoing(), Wire()
    await outgoing.put(FULL)
    with anyio.move_on_after(0.01):
        await outgoing.put(b"cancelled")
    wire.open.set()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outgoing.pump, wire.write)
        await outgoing.put(b"next")
        await outgoing.flush()
        outgoing.close()

    assert wire.written == [FULL, b"next"]


async def test_closing_wakes_everyone() -> None:
    outgoing = Outgoing()
    await outgoing.put(FULL)
    refused: list[bytes] = []

    async def put(item: bytes) -> None:
        try:
            await outgoing.put(item)
        except anyio.BrokenResourceError:
            refused.append(item)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(put, b"one")
        tasks.start_soon(put, b"two")
        tasks.start_soon(outgoing.flush)
        await anyio.wait_all_tasks_blocked()
        outgoing.close()

    assert sorted(refused) == [b"one", b"two"]


async def test_a_write_that_fails_ends_it() -> None:
    outgoing = Outgoing()

    async def write(_: list[bytes]) -> None:
        raise anyio.BrokenResourceError

    await outgoing.put(b"x")
    with pytest.raises(anyio.BrokenResourceError):
        await outgoing.pump(write)

    assert outgoing.closed
    with pytest.raises(anyio.BrokenResourceError):
        await outgoing.put(b"y")


class Piece(bytes):
    """Bytes that say when they go."""

    gone = 0

    def __del__(self) -> None:
        Piece.gone += 1


async def test_what_is_written_is_let_go_of() -> None:
    outgoing = Outgoing()
    written: list[int] = []

    async def write(items: list[bytes]) -> None:
        written.extend(len(item) for item in items)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outgoing.pump, write)
        before = Piece.gone
        await outgoing.put(Piece(b"a prompt"))
        await outgoing.flush()
        assert written == [8]
        assert Piece.gone == before + 1, "it is kept until the next one comes"
        outgoing.close()
