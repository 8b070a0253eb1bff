from __future__ import annotations

from typing import NoReturn

import anyio
import pytest
from anyio.abc import ObjectStream
from anyio.lowlevel import checkpoint

from clubai.transport.frames import each_frame
from clubai.transport.memory import memory_pair


class Pulled(ObjectStream[bytes]):
    """A stream that can only be asked."""

    def __init__(self, *items: bytes) -> None:
        self._items = list(items)

    async def receive(self) -> bytes:
        await checkpoint()
        if not self._items:
            raise anyio.EndOfStream
        return self._items.pop(0)

    async def send(self, item: bytes) -> NoReturn:
        raise NotImplementedError

    async def send_eof(self) -> NoReturn:
        raise NotImplementedError

    async def aclose(self) -> None:
        pass


async def test_every_message_is_taken_in_order_until_the_end() -> None:
    taken: list[bytes] = []

    with pytest.raises(anyio.EndOfStream):
        await each_frame(Pulled(b"a", b"b", b"c"), taken.append)

    assert taken == [b"a", b"b", b"c"]


async def test_what_was_sent_before_comes_first_and_then_all_is_pushed() -> None:
    here, there = memory_pair()
    taken: list[bytes] = []
    ended = anyio.Event()

    async def follow() -> None:
        with pytest.raises(anyio.EndOfStream):
            await each_frame(there, taken.append)
        ended.set()

    async with here, there, anyio.create_task_group() as tasks:
        await here.send(b"early")
        tasks.start_soon(follow)
        while not taken:
            await checkpoint()
        here.send_nowait(b"now")
        assert taken == [b"early", b"now"]
        await here.send(b"later")
        assert taken[-1] == b"later"
        await here.aclose()
        with anyio.fail_after(5):
            await ended.wait()


@pytest.mark.parametrize("pushed", [False, True])
async def test_what_the_taker_raises_is_the_takers(pushed: bool) -> None:
    class TookBadly(Exception):
        pass

    def take(item: bytes) -> None:
        if item == b"bad":
            raise TookBadly

    here, there = memory_pair()
    caught = anyio.Event()

    async def follow() -> None:
        with pytest.raises(TookBadly):
            await each_frame(there, take)
        caught.set()

    async with here, there, anyio.create_task_group() as tasks:
        if not pushed:
            await here.send(b"bad")
        tasks.start_soon(follow)
        if pushed:
            await anyio.wait_all_tasks_blocked()
            here.send_nowait(b"bad")  # the sender is not told
        with anyio.fail_after(5):
            await caught.wait()


async def test_after_a_cancel_messages_wait_to_be_asked_for() -> None:
    here, there = memory_pair()
    taken: list[bytes] = []
    async with here, there:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(each_frame, there, taken.append)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        here.send_nowait(b"kept")

        assert await there.receive() == b"kept"
        assert taken == []
