"""What only memory streams do; the contract is in `test_base`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from clubai.errors import ConnectFailed, LocalProtocolError
from clubai.protocol.messages import MAX_MESSAGE_BYTES
from clubai.transport.memory import MemoryNetwork, memory_pair

if TYPE_CHECKING:
    from anyio.abc import ObjectStream


async def serve_echo(stream: ObjectStream[bytes]) -> None:
    try:
        while True:
            await stream.send(await stream.receive())
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        await stream.aclose()


async def test_sending_at_once_says_when_there_is_no_room() -> None:
    near, far = memory_pair(buffer=2)
    async with near, far:
        near.send_nowait(b"1")
        near.send_nowait(b"2")
        with pytest.raises(anyio.WouldBlock):
            near.send_nowait(b"3")

        assert await far.receive() == b"1"
        near.send_nowait(b"3")
        assert [await far.receive(), await far.receive()] == [b"2", b"3"]


async def test_sending_at_once_keeps_the_contract() -> None:
    near, far = memory_pair()
    async with near, far:
        with pytest.raises(LocalProtocolError):
            near.send_nowait(bytes(MAX_MESSAGE_BYTES + 1))
        await far.aclose()
        with pytest.raises(anyio.BrokenResourceError):
            near.send_nowait(b"x")
        await near.aclose()
        with pytest.raises(anyio.ClosedResourceError):
            near.send_nowait(b"x")


async def test_a_message_takes_the_delay_of_the_network() -> None:
    network = MemoryNetwork(delay=0.05)
    async with anyio.create_task_group() as tasks, network.listen("far") as far:
        tasks.start_soon(far.serve, serve_echo)
        async with await network.dial("far") as stream:
            begin = anyio.current_time()
            await stream.send(b"there and back")
            await stream.receive()

            assert anyio.current_time() - begin >= 0.1


async def test_a_receiver_that_gives_up_during_the_delay_loses_nothing() -> None:
    network = MemoryNetwork(delay=0.05)
    async with anyio.create_task_group() as tasks, network.listen("far") as far:
        tasks.start_soon(far.serve, serve_echo)
        async with await network.dial("far") as stream:
            await stream.send(b"patience")
            got = b""
            while not got:
                with anyio.move_on_after(0.02):
                    got = await stream.receive()

            assert got == b"patience"


async def test_a_partition_breaks_both_ends_until_it_is_healed() -> None:
    network = MemoryNetwork()
    broken = anyio.Event()

    async def accept(stream: ObjectStream[bytes]) -> None:
        try:
            await stream.receive()
        except anyio.BrokenResourceError:
            broken.set()
        except anyio.EndOfStream:
            pass
        await stream.aclose()

    async with anyio.create_task_group() as tasks, network.listen("far") as far:
        tasks.start_soon(far.serve, accept)
        stream = await network.dial("far", source="near")
        await anyio.wait_all_tasks_blocked()
        network.partition("near")

        with anyio.fail_after(1):
            await broken.wait()
        with pytest.raises(anyio.BrokenResourceError):
            await stream.receive()
        with pytest.raises(anyio.BrokenResourceError):
            await stream.send(b"x")
        with pytest.raises(ConnectFailed):
            await network.dial("far", source="near")
        await stream.aclose()

        network.heal("near")
        await (await network.dial("far", source="near")).aclose()


async def test_a_partition_leaves_other_names_alone() -> None:
    network = MemoryNetwork()
    async with anyio.create_task_group() as tasks, network.listen("far") as far:
        tasks.start_soon(far.serve, serve_echo)
        async with await network.dial("far", source="lucky") as stream:
            network.partition("unlucky")
            await stream.send(b"x")

            assert await stream.receive() == b"x"


async def test_a_name_is_taken_once_and_given_up_by_closing() -> None:
    network = MemoryNetwork()
    async with network.listen("far"):
        with pytest.raises(ValueError, match="far"):
            network.listen("far")
    with pytest.raises(ConnectFailed):
        await network.dial("far")
    await network.listen("far").aclose()


async def test_what_nobody_took_is_closed_with_the_listener() -> None:
    network = MemoryNetwork()
    listener = network.listen("far")
    async with await network.dial("far") as stream:
        await listener.aclose()

        with pytest.raises(anyio.EndOfStream):
            await stream.receive()
