from __future__ import annotations

import anyio
import pytest
from starlette.types import Message

from clubai.gateway.exchange import Exchange, while_wanted
from clubai.gateway.problems import INTERNAL
from clubai.gateway.sse import PING, EventStream


class Reader:
    """The other end: collects what is sent, leaves when told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.gone = anyio.Event()
        self.sent: list[Message] = []
        self.arrived = anyio.Event()
        self.reading = anyio.Event()
        self.reading.set()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.reading.wait()
        self.sent.append(message)
        self.arrived.set()
        self.arrived = anyio.Event()

    async def until(self, count: int) -> None:
        while len(self.sent) < count:
            await self.arrived.wait()

    @property
    def bodies(self) -> list[bytes]:
        return [message["body"] for message in self.sent[1:]]

    def stream(self, *, ping_s: float = 1000.0) -> EventStream:
        exchange = Exchange(
            {"headers": []},
            self.receive,
            self.send,
            clock=self.clock,
            request="request",
        )
        return EventStream(exchange, ping_s=ping_s, clock=self.clock)

    def clock(self) -> float:
        return self.now


async def test_a_stream_is_headers_events_and_an_end() -> None:
    reader = Reader()
    stream = reader.stream()

    await stream.begin([(b"x-clubai-task", b"t")], request="t")
    await stream.send(b"data: 1\n\n")
    await stream.end(b"data: 2\n\n")

    headers = dict(reader.sent[0]["headers"])
    assert headers[b"content-type"] == b"text/event-stream; charset=utf-8"
    assert headers[b"cache-control"] == b"no-cache"
    assert headers[b"x-accel-buffering"] == b"no"
    assert headers[b"x-request-id"] == b"t"
    assert b"content-length" not in headers
    assert reader.bodies == [b"data: 1\n\n", b"data: 2\n\n"]
    assert [message["more_body"] for message in reader.sent[1:]] == [True, False]


async def test_a_failure_is_an_event_and_no_done() -> None:
    reader = Reader()
    stream = reader.stream()
    await stream.begin([])

    await stream.fail(INTERNAL)

    assert reader.bodies[0].startswith(b'data: {"error":{"message":')
    assert b"[DONE]" not in reader.bodies[0]
    assert not reader.sent[-1]["more_body"]


async def test_silence_is_filled_with_pings_and_the_first_brings_the_headers() -> None:
    reader = Reader()
    reader.clock = anyio.current_time  # type: ignore[method-assign]
    stream = reader.stream(ping_s=0.001)

    async def work() -> None:
        await reader.until(2)
        await stream.begin([(b"x-late", b"1")])
        await stream.end(b"data: 1\n\n")

    with anyio.fail_after(5):
        await while_wanted(work, stream.watch)

    assert reader.sent[0]["type"] == "http.response.start"
    assert b"x-late" not in dict(reader.sent[0]["headers"])
    assert reader.bodies[0] == PING
    assert reader.bodies[-1] == b"data: 1\n\n"


async def test_events_in_time_keep_pings_away() -> None:
    reader = Reader()
    stream = reader.stream(ping_s=10.0)
    await stream.begin([])

    reader.now = 9.0
    await stream.send(b"data: 1\n\n")
    reader.now = 15.0
    await stream._ping()
    assert PING not in reader.bodies

    reader.now = 19.0
    await stream._ping()
    assert reader.bodies[-1] == PING


async def test_no_ping_comes_between_the_parts_of_a_slow_send() -> None:
    reader = Reader()
    stream = reader.stream(ping_s=10.0)
    await stream.begin([])
    reader.reading = anyio.Event()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stream.send, b"data: 1\n\n")
        await anyio.wait_all_tasks_blocked()
        reader.now = 30.0
        with anyio.fail_after(5):
            await stream._ping()
        reader.reading.set()

    assert reader.bodies == [b"data: 1\n\n"]


async def test_what_is_sent_waits_for_a_ping_that_is_on_its_way() -> None:
    reader = Reader()
    stream = reader.stream(ping_s=10.0)
    reader.reading = anyio.Event()
    reader.now = 30.0

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream._ping)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(stream.end, b"data: 1\n\n")
            await anyio.wait_all_tasks_blocked()
            reader.reading.set()

    assert reader.sent[0]["type"] == "http.response.start"
    assert reader.bodies == [PING, b"data: 1\n\n"]


async def test_watching_a_stuck_send_sleeps() -> None:
    reader = Reader()
    stream = reader.stream(ping_s=10.0)
    await stream.begin([])
    reader.reading = anyio.Event()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream.send, b"data: 1\n\n")
            await anyio.wait_all_tasks_blocked()
            reader.now = 30.0
            tasks.start_soon(stream.watch, tasks.cancel_scope)
            await anyio.wait_all_tasks_blocked()
            reader.gone.set()


async def test_an_ended_stream_is_not_pinged() -> None:
    reader = Reader()
    stream = reader.stream(ping_s=1.0)
    await stream.begin([])
    await stream.end(b"data: [DONE]\n\n")

    reader.now = 100.0
    await stream._ping()

    assert reader.bodies == [b"data: [DONE]\n\n"]


@pytest.mark.parametrize("ping_s", [0.001, 1000.0])
async def test_a_reader_that_leaves_ends_the_work(ping_s: float) -> None:
    reader = Reader()
    reader.clock = anyio.current_time  # type: ignore[method-assign]
    stream = reader.stream(ping_s=ping_s)
    ended = []

    async def work() -> None:
        await stream.begin([])
        reader.gone.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(True)

    with anyio.fail_after(5):
        await while_wanted(work, stream.watch)

    assert ended == [True]
