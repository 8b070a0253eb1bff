from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint

from clubai.coordinator.connections import Connection, login_late
from clubai.errors import RemoteProtocolError
from clubai.protocol.codec import decode_to_node
from clubai.protocol.messages import CloseCode, Goodbye, Notice
from clubai.transport.memory import memory_pair


async def test_the_first_goodbye_counts_and_comes_last() -> None:
    here, there = memory_pair()
    async with here, there:
        connection = Connection(here)
        connection.say(Notice(code="first"))
        connection.end(Goodbye(code=1, reason="why"))
        connection.end(Goodbye(code=2, reason="again"))
        await connection.hold(anyio.sleep_forever)

        assert decode_to_node(await there.receive()) == Notice(code="first")
        assert decode_to_node(await there.receive()) == Goodbye(code=1, reason="why")


async def test_a_peers_fault_is_told_to_it() -> None:
    here, there = memory_pair()

    async def read() -> None:
        raise RemoteProtocolError(CloseCode.BAD_MESSAGE, "nonsense")

    async with here, there:
        connection = Connection(here)
        await connection.hold(read)

        said = decode_to_node(await there.receive())
        assert said == Goodbye(code=CloseCode.BAD_MESSAGE, reason="nonsense")


@pytest.mark.parametrize(
    "end", [anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError]
)
async def test_a_stream_that_ends_ends_the_connection(end: type[Exception]) -> None:
    here, there = memory_pair()

    async def read() -> None:
        raise end

    async with here, there:
        with anyio.fail_after(5):
            await Connection(here).hold(read)


async def test_a_peer_that_is_gone_ends_the_reader_too() -> None:
    here, there = memory_pair()
    cancelled = anyio.Event()

    async def read() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    async with here, anyio.create_task_group() as tasks:
        connection = Connection(here)
        tasks.start_soon(connection.hold, read)
        await checkpoint()
        await there.aclose()
        connection.say(Notice(code="anyone?"))
        with anyio.fail_after(5):
            await cancelled.wait()


def test_being_late_says_how_late() -> None:
    assert login_late(5.0).code == CloseCode.LOGIN_LATE
    assert "5 s" in login_late(5.0).reason
