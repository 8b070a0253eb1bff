from __future__ import annotations

import anyio
import pytest
from anyio.abc import ObjectStream
from anyio.lowlevel import checkpoint

from clubai.transport.memory import memory_pair
from clubai.transport.postbox import LOW_WATER_MESSAGES, Postbox, QueuedBytes


class Slow(ObjectStream[bytes]):
    """A stream that takes a message only when it is let."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.let, self._let = anyio.create_memory_object_stream[None](1000)

    async def send(self, item: bytes) -> None:
        await self._let.receive()
        self.taken.append(item)

    async def receive(self) -> bytes:
        raise NotImplementedError

    async def send_eof(self) -> None:
        raise NotImplementedError

    async def aclose(self) -> None:
        self.let.close()
        self._let.close()


async def test_what_is_posted_is_sent_in_order_and_the_last_word_last() -> None:
    async with Slow() as stream, anyio.create_task_group() as tasks:
        postbox = Postbox(stream)
        tasks.start_soon(postbox.run)
        for number in range(5):
            stream.let.send_nowait(None)
            assert postbox.post(bytes([number]))
        stream.let.send_nowait(None)
        postbox.close(b"last")

    assert stream.taken == [b"\0", b"\1", b"\2", b"\3", b"\4", b"last"]
    assert not postbox.post(b"late")


async def test_there_is_only_so_much_room() -> None:
    async with Slow() as stream:
        by_count = Postbox(stream, max_messages=2)
        assert [by_count.post(b"x") for _ in range(3)] == [True, True, False]
        by_size = Postbox(stream, max_bytes=10)
        assert [by_size.post(b"1234567") for _ in range(2)] == [True, False]
        assert by_size.post(b"123")


async def test_all_who_wait_get_room_when_little_is_queued() -> None:
    async with Slow() as stream, anyio.create_task_group() as tasks:
        postbox = Postbox(stream)
        for _ in range(LOW_WATER_MESSAGES + 3):
            postbox.post(b"x")
        tasks.start_soon(postbox.run)
        have_room = [anyio.Event() for _ in range(3)]

        async def wait(had_room: anyio.Event) -> None:
            await postbox.room()
            had_room.set()

        for event in have_room:
            tasks.start_soon(wait, event)
        await checkpoint()
        assert not any(event.is_set() for event in have_room)
        for _ in range(5):
            stream.let.send_nowait(None)
        with anyio.fail_after(5):
            for event in have_room:
                await event.wait()
        tasks.cancel_scope.cancel()


async def test_everybody_who_waits_for_room_gets_it() -> None:
    async with Slow() as stream, anyio.create_task_group() as tasks:
        postbox = Postbox(stream)
        for _ in range(LOW_WATER_MESSAGES + 3):
            postbox.post(b"x")
        tasks.start_soon(postbox.run)

        with anyio.fail_after(5):
            async with anyio.create_task_group() as waiting:
                for _ in range(3):
                    waiting.start_soon(postbox.room)
                await checkpoint()
                for _ in range(5):
                    stream.let.send_nowait(None)
        tasks.cancel_scope.cancel()


async def test_a_memory_stream_is_handed_its_frames_directly() -> None:
    here, there = memory_pair()
    async with here, there:
        postbox = Postbox(here)

        assert postbox.post(b"now")

        assert await there.receive() == b"now"


async def test_order_holds_when_a_memory_stream_is_full_for_a_while() -> None:
    here, there = memory_pair(buffer=2)
    async with here, there, anyio.create_task_group() as tasks:
        postbox = Postbox(here)
        tasks.start_soon(postbox.run)
        sent = [bytes([number]) for number in range(50)]
        got = []
        for number, frame in enumerate(sent):
            assert postbox.post(frame)
            if number % 3 == 0:
                got.append(await there.receive())
        while len(got) < len(sent):
            got.append(await there.receive())
        tasks.cancel_scope.cancel()

    assert got == sent


async def test_a_stream_that_is_gone_ends_the_postbox() -> None:
    here, there = memory_pair()
    await there.aclose()
    async with here:
        postbox = Postbox(here)

        assert not postbox.post(b"x")
        with pytest.raises(anyio.BrokenResourceError):
            await postbox.run()
        with anyio.fail_after(5):
            await postbox.room()


async def test_what_may_be_given_up_leaves_room_for_what_may_not() -> None:
    async with Slow() as stream:
        postbox = Postbox(stream, max_messages=16, max_bytes=1000)

        assert [postbox.post_data(b"x") for _ in range(15)] == [True] * 14 + [False]
        assert [postbox.post(b"x") for _ in range(3)] == [True, True, False]


async def test_of_the_bytes_an_eighth_is_left_free_too() -> None:
    async with Slow() as stream:
        postbox = Postbox(stream, max_bytes=800)

        assert postbox.post_data(b"x" * 700)
        assert not postbox.post_data(b"x")
        assert postbox.post(b"x" * 100)
        assert not postbox.post(b"x")


async def test_several_postboxes_share_what_they_may_hold() -> None:
    shared = QueuedBytes(100)
    async with Slow() as one, Slow() as other, anyio.create_task_group() as tasks:
        first, second = Postbox(one, shared=shared), Postbox(other, shared=shared)
        assert first.post(b"x" * 60)

        assert not second.post(b"x" * 60)
        assert second.post(b"x" * 40)
        assert (first.post(b"x"), shared.held) == (False, 100)

        tasks.start_soon(first.run)
        one.let.send_nowait(None)
        with anyio.fail_after(5):
            while shared.held > 40:
                await checkpoint()
        assert second.post(b"x" * 60)
        tasks.cancel_scope.cancel()


async def test_a_postbox_that_ends_gives_back_what_it_held() -> None:
    shared = QueuedBytes(100)
    async with Slow() as stream:
        postbox = Postbox(stream, shared=shared)
        for _ in range(3):
            postbox.post(b"x" * 20)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(postbox.run)
            await checkpoint()
            tasks.cancel_scope.cancel()

    assert shared.held == 0
