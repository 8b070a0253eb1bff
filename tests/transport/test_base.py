"""The contract of every transport, over every kind of pair, on both loops."""

from __future__ import annotations

import anyio
import pytest

from clubai.errors import LocalProtocolError
from clubai.protocol.messages import MAX_MESSAGE_BYTES
from clubai.transport.base import background_tasks, ending
from support.stream_pairs import LOCAL, SOCKETS, open_pair

every_kind = pytest.mark.parametrize("kind", LOCAL + SOCKETS)
over_sockets = pytest.mark.parametrize("kind", SOCKETS)

BIG = 1 << 19


def numbered(number: int, size: int = 0) -> bytes:
    return number.to_bytes(8, "big") + b"." * size


async def fill(stream: anyio.abc.ObjectStream[bytes]) -> int:
    """Send until it blocks; return how many went out for sure."""
    sent = 0
    while True:
        with anyio.move_on_after(0.3) as scope:
            await stream.send(numbered(sent, BIG))
        if scope.cancelled_caught:
            return sent
        sent += 1
        assert sent < 100, "it takes everything: there is no backpressure"


@every_kind
async def test_messages_arrive_whole_and_in_order_both_ways(kind: str) -> None:
    items = [numbered(n, n * 37) for n in range(100)] + [b""]
    async with open_pair(kind) as (near, far):
        for one, other in ((near, far), (far, near)):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(send_all, one, items)
                got = [await other.receive() for _ in items]

            assert got == items


async def send_all(stream: anyio.abc.ObjectStream[bytes], items: list[bytes]) -> None:
    for item in items:
        await stream.send(item)


@every_kind
async def test_a_message_of_the_limit_passes(kind: str) -> None:
    item = b"x" * MAX_MESSAGE_BYTES
    async with open_pair(kind) as (near, far):
        for one, other in ((near, far), (far, near)):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(one.send, item)

                assert await other.receive() == item


@every_kind
async def test_a_sender_waits_for_a_receiver_and_a_cancelled_one_tears_nothing(
    kind: str,
) -> None:
    async with open_pair(kind) as (near, far):
        sent = await fill(near)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(near.send, b"last")
            got = [await far.receive()]
            while got[-1] != b"last":
                got.append(await far.receive())

        expected = [numbered(n, BIG) for n in range(sent)]
        # The cancelled one went out whole or not at all.
        assert got in (
            [*expected, b"last"],
            [*expected, numbered(sent, BIG), b"last"],
        )


@every_kind
async def test_many_senders_do_not_mix_their_messages(kind: str) -> None:
    senders, each = 20, 20
    async with open_pair(kind) as (near, far), anyio.create_task_group() as tasks:
        for sender in range(senders):
            items = [bytes([sender]) + numbered(n, sender * 400) for n in range(each)]
            tasks.start_soon(send_all, near, items)
        got = [await far.receive() for _ in range(senders * each)]

    for sender in range(senders):
        mine = [item[1:] for item in got if item[0] == sender]
        assert mine == [numbered(n, sender * 400) for n in range(each)]


@every_kind
async def test_an_oversize_message_is_refused_before_anything_is_sent(
    kind: str,
) -> None:
    async with open_pair(kind) as (near, far):
        with pytest.raises(LocalProtocolError):
            await near.send(b"x" * (MAX_MESSAGE_BYTES + 1))
        await near.send(b"small")

        assert await far.receive() == b"small"


@over_sockets
async def test_receiving_an_oversize_message_ends_the_connection(kind: str) -> None:
    async with open_pair(kind, far_limit=1000) as (near, far):
        await near.send(b"x" * 1000)
        await near.send(b"x" * 1001)

        assert await far.receive() == b"x" * 1000
        with pytest.raises(anyio.BrokenResourceError):
            await far.receive()
        with pytest.raises(anyio.BrokenResourceError, match="1009"):
            await near.receive()


@every_kind
async def test_closing_wakes_the_own_receiver(kind: str) -> None:
    outcome: list[type[BaseException]] = []

    async def receive(stream: anyio.abc.ObjectStream[bytes]) -> None:
        try:
            await stream.receive()
        except anyio.ClosedResourceError as error:
            outcome.append(type(error))

    async with open_pair(kind) as (near, _), anyio.create_task_group() as tasks:
        tasks.start_soon(receive, near)
        await anyio.wait_all_tasks_blocked()
        await near.aclose()

    assert outcome == [anyio.ClosedResourceError]


@every_kind
async def test_the_other_end_gets_what_was_sent_and_then_the_end(kind: str) -> None:
    async with open_pair(kind) as (near, far):
        await near.send(b"one")
        await near.send(b"two")
        await near.aclose()

        assert await far.receive() == b"one"
        assert await far.receive() == b"two"
        with pytest.raises(anyio.EndOfStream):
            await far.receive()
        with pytest.raises(anyio.BrokenResourceError):
            await far.send(b"three")


@every_kind
async def test_a_closed_stream_says_so_and_may_be_closed_again(kind: str) -> None:
    async with open_pair(kind) as (near, _):
        await near.aclose()
        await near.aclose()

        with pytest.raises(anyio.ClosedResourceError):
            await near.send(b"x")
        with pytest.raises(anyio.ClosedResourceError):
            await near.receive()


@every_kind
async def test_closing_does_not_wait_for_a_peer_that_does_not_read(
    kind: str, close_timeout_s: float
) -> None:
    async with open_pair(kind) as (near, far):
        await fill(near)
        for stream in (near, far):
            begin = anyio.current_time()
            await stream.aclose()

            assert anyio.current_time() - begin < close_timeout_s + 1


@every_kind
async def test_closing_works_in_a_cancelled_scope(kind: str) -> None:
    async with open_pair(kind) as (near, far):
        with anyio.CancelScope() as scope:
            scope.cancel()
            await near.aclose()

        with pytest.raises(anyio.EndOfStream):
            await far.receive()


@every_kind
async def test_there_is_no_half_close(kind: str) -> None:
    async with open_pair(kind) as (near, _):
        with pytest.raises(NotImplementedError):
            await near.send_eof()


@every_kind
async def test_a_cancelled_receive_loses_nothing(kind: str) -> None:
    async with open_pair(kind) as (near, far):
        for number in range(20):
            with anyio.move_on_after(0):
                await far.receive()
            await near.send(numbered(number))

            assert await far.receive() == numbered(number)


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1012])
def test_a_said_goodbye_is_a_clean_end(code: int) -> None:
    assert isinstance(ending(code, ""), anyio.EndOfStream)


@pytest.mark.parametrize("code", [1006, 1009, 1011, 4002, 4009])
def test_any_other_code_is_a_break_that_names_it(code: int) -> None:
    error = ending(code, "why")

    assert isinstance(error, anyio.BrokenResourceError)
    assert str(error) == f"closed with code {code}: why"


async def test_a_block_with_background_tasks_raises_its_own_error() -> None:
    async def block() -> None:
        async with background_tasks() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            raise KeyError

    with pytest.raises(KeyError):
        await block()
