from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import msgspec

from clubai.coordinator.event_stream import EventStream, data_frame
from support.asgi_driver import open_call, request


class Item(msgspec.Struct):
    number: int


async def items(count: int) -> AsyncIterator[Item]:
    for number in range(count):
        yield Item(number)


class Endless:
    """Things without an end."""

    def __aiter__(self) -> Endless:
        return self

    async def __anext__(self) -> Item:
        return Item(0)


class Silence:
    """Snapshots that do not come."""

    def __init__(self) -> None:
        self.cancelled = False

    def __aiter__(self) -> Silence:
        return self

    async def __anext__(self) -> Item:
        try:
            await anyio.sleep_forever()
        finally:
            self.cancelled = True
        raise AssertionError


async def test_every_snapshot_is_an_event_and_the_end_is_the_end() -> None:
    response = await request(EventStream(items(3), data_frame), "GET", "/")

    assert response.status == 200
    assert response.headers == {
        "content-type": "text/event-stream",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
    }
    assert response.events() == [{"number": 0}, {"number": 1}, {"number": 2}]


async def test_silence_is_filled_for_proxies() -> None:
    stream = EventStream(Silence(), data_frame, ping_s=0.01)
    with anyio.fail_after(5):
        async with open_call(stream, "GET", "/") as call:
            await call.start()

            assert await call.part() == (b": ping\n\n", True)
            assert await call.part() == (b": ping\n\n", True)


async def test_a_reader_who_goes_ends_it() -> None:
    silence = Silence()
    with anyio.fail_after(5):
        async with open_call(EventStream(silence, data_frame), "GET", "/") as call:
            await call.start()

            call.disconnect()

            await call.ended.wait()
    assert call.error is None
    assert silence.cancelled


async def test_a_head_has_no_events() -> None:
    silence = Silence()

    response = await request(EventStream(silence, data_frame), "HEAD", "/")

    assert response.headers["content-type"] == "text/event-stream"
    assert response.body == b""
    assert not silence.cancelled


async def test_who_does_not_take_a_piece_in_time_is_dropped() -> None:
    stream = EventStream(Endless(), data_frame, take_s=0.01)
    with anyio.fail_after(5):
        async with open_call(stream, "GET", "/") as call:
            await call.start()

            await call.ended.wait()
            assert call.error is None
