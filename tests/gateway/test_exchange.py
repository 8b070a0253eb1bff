from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import anyio
import pytest
from starlette.types import Message

from clubai.errors import TaskRejected
from clubai.gateway.exchange import (
    Exchange,
    ReaderGone,
    Refused,
    task_headers,
    while_wanted,
)
from clubai.gateway.limits import GatewayLimits, HeldBytes
from clubai.gateway.problems import no_such_method
from clubai.transport.inbox import INBOX, Inbox

SMALL = GatewayLimits(max_body_bytes=10, max_held_bytes=15, body_s=0.01)


def exchange_of(
    messages: list[Message] | None = None,
    *,
    headers: dict[bytes, bytes] | None = None,
    client: tuple[str, int] | None = ("10.0.0.1", 5),
    extensions: dict[str, Any] | None = None,
) -> tuple[Exchange, list[Message]]:
    coming: Iterator[Message] = iter(messages or [])
    sent: list[Message] = []

    async def receive() -> Message:
        for message in coming:
            return message
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    times = iter([1.0, 1.25])
    scope: dict[str, Any] = {"headers": list((headers or {}).items()), "client": client}
    scope["extensions"] = extensions or {}
    exchange = Exchange(
        scope, receive, send, clock=lambda: next(times), request="request"
    )
    return exchange, sent


def body(data: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": data, "more_body": more}


async def test_a_body_in_pieces_is_one_body() -> None:
    exchange, _ = exchange_of([body(b"abc", more=True), body(b"de")])
    space = HeldBytes(100)

    assert await exchange.read_body(SMALL, space) == b"abcde"
    assert space.held == 5


async def test_an_announced_body_that_is_too_big_is_not_read() -> None:
    for length in (b"11", b"9" * 5000):
        exchange, _ = exchange_of(headers={b"content-length": length})

        with pytest.raises(Refused) as caught:
            await exchange.read_body(SMALL, HeldBytes(100))
        assert caught.value.problem.status == 413
        assert "10 bytes" in caught.value.problem.message


async def test_a_body_that_grows_too_big_is_refused_and_let_go() -> None:
    exchange, _ = exchange_of([body(b"abcdefgh", more=True), body(b"abc", more=True)])
    space = HeldBytes(100)

    with pytest.raises(Refused) as caught:
        await exchange.read_body(SMALL, space)

    assert caught.value.problem.status == 413
    assert space.held == 0


async def test_a_body_that_does_not_come_is_refused_and_let_go() -> None:
    exchange, _ = exchange_of([body(b"abc", more=True)])
    space = HeldBytes(100)

    with pytest.raises(Refused) as caught:
        await exchange.read_body(SMALL, space)

    assert caught.value.problem.status == 408
    assert space.held == 0


async def test_a_body_without_room_is_refused() -> None:
    exchange, _ = exchange_of([body(b"abcdefgh")])
    space = HeldBytes(15)
    space.take(10)

    with pytest.raises(TaskRejected):
        await exchange.read_body(SMALL, space)

    assert space.held == 10


async def test_whoever_goes_before_the_end_of_the_body_is_gone() -> None:
    exchange, _ = exchange_of([body(b"a", more=True), {"type": "http.disconnect"}])
    space = HeldBytes(100)

    with pytest.raises(ReaderGone):
        await exchange.read_body(SMALL, space)

    assert space.held == 0


async def test_a_response_names_itself_and_its_time() -> None:
    exchange, sent = exchange_of()
    exchange.headers.append((b"x-known-before", b"1"))

    await exchange.respond(200, b"{}", [(b"x-more", b"2")], request="task")

    assert sent[0]["status"] == 200
    assert dict(sent[0]["headers"]) == {
        b"content-type": b"application/json",
        b"content-length": b"2",
        b"x-more": b"2",
        b"x-known-before": b"1",
        b"x-request-id": b"task",
        b"openai-processing-ms": b"250",
    }
    assert sent[1] == {"type": "http.response.body", "body": b"{}", "more_body": False}
    assert exchange.begun


async def test_a_refusal_is_an_envelope() -> None:
    exchange, sent = exchange_of()

    await exchange.refuse(no_such_method("PUT", "/v1/models", "GET"))

    headers = dict(sent[0]["headers"])
    assert sent[0]["status"] == 405
    assert headers[b"allow"] == b"GET"
    assert headers[b"x-request-id"] == b"request"
    assert sent[1]["body"].startswith(b'{"error":{"message":"PUT is not for')


@pytest.mark.parametrize(
    "headers", [{b"content-length": b"5"}, {b"transfer-encoding": b"chunked"}]
)
async def test_a_refusal_before_the_body_is_the_connections_end(
    headers: dict[bytes, bytes],
) -> None:
    exchange, sent = exchange_of([body(b"abc", more=True)], headers=headers)

    await exchange.refuse(no_such_method("PUT", "/v1/models", "GET"))

    assert dict(sent[0]["headers"])[b"connection"] == b"close"


@pytest.mark.parametrize("headers", [{}, {b"content-length": b"0"}])
async def test_a_refusal_of_what_has_no_body_is_not(
    headers: dict[bytes, bytes],
) -> None:
    exchange, sent = exchange_of(headers=headers)

    await exchange.refuse(no_such_method("PUT", "/v1/models", "GET"))

    assert b"connection" not in dict(sent[0]["headers"])


async def test_an_answer_after_the_whole_body_is_not_the_connections_end() -> None:
    pieces = [body(b"abc", more=True), body(b"de")]
    exchange, sent = exchange_of(pieces, headers={b"content-length": b"5"})

    await exchange.read_body(SMALL, HeldBytes(100))
    await exchange.respond(200, b"{}", [])

    assert b"connection" not in dict(sent[0]["headers"])


def test_the_address_may_be_unknown() -> None:
    assert exchange_of()[0].address == "10.0.0.1"
    assert exchange_of(client=None)[0].address == ""


def test_the_authorization_is_passed_as_it_came() -> None:
    exchange, _ = exchange_of(headers={b"authorization": b"Bearer \xff"})

    assert exchange.authorization == "Bearer \xff"
    assert exchange_of()[0].authorization is None


def test_a_task_without_a_node_names_none() -> None:
    assert task_headers("ab", attempts=2) == [
        (b"x-clubai-task", b"ab"),
        (b"x-clubai-attempts", b"2"),
    ]


async def test_work_ends_the_watch() -> None:
    done = []

    async def work() -> None:
        done.append("work")

    async def watch(_scope: anyio.CancelScope) -> None:
        await anyio.sleep_forever()

    await while_wanted(work, watch)

    assert done == ["work"]


async def test_the_watch_ends_the_work() -> None:
    async def watch(scope: anyio.CancelScope) -> None:
        scope.cancel()

    with anyio.fail_after(5):
        await while_wanted(anyio.sleep_forever, watch)


async def test_a_failure_of_the_work_comes_out_alone() -> None:
    async def work() -> None:
        raise KeyError("x")

    async def watch(_scope: anyio.CancelScope) -> None:
        await anyio.sleep_forever()

    with pytest.raises(KeyError):
        await while_wanted(work, watch)


class Quoting(Exception):
    """Says what was asked."""


async def test_a_failure_of_the_work_is_let_go_of() -> None:
    held: list[weakref.ref[Quoting]] = []

    async def work() -> None:
        error = Quoting("a prompt")
        held.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    async def watch(_scope: anyio.CancelScope) -> None:
        await anyio.sleep_forever()

    gc.disable()
    try:
        with suppress(Quoting):
            await while_wanted(work, watch)
        assert held[0]() is None, "it is kept until the collector runs"
    finally:
        gc.enable()


async def test_watching_waits_for_the_disconnect() -> None:
    exchange, _ = exchange_of([body(b""), body(b""), {"type": "http.disconnect"}])

    with anyio.CancelScope() as scope:
        await exchange.watch(scope)

    assert scope.cancel_called


async def test_a_server_that_tells_stops_the_work_when_the_reader_goes() -> None:
    inbox = Inbox(1)
    exchange, _ = exchange_of([], extensions={INBOX: inbox})
    stopped = anyio.Event()

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            stopped.set()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(exchange.while_wanted, work)
            await anyio.wait_all_tasks_blocked()
            await inbox.put({"type": "http.disconnect"})
            await stopped.wait()


async def test_a_server_that_does_not_tell_is_asked() -> None:
    exchange, _ = exchange_of([{"type": "http.disconnect"}])

    with anyio.fail_after(5):
        await exchange.while_wanted(anyio.sleep_forever)


async def test_work_goes_on_when_the_connection_ends_after_the_whole_answer() -> None:
    inbox = Inbox(1)
    exchange, _ = exchange_of([], extensions={INBOX: inbox})
    done = []

    async def work() -> None:
        await exchange.respond(200, b"{}", [])
        await inbox.put({"type": "http.disconnect"})
        await anyio.lowlevel.checkpoint()
        done.append(True)

    await exchange.while_wanted(work)

    assert done == [True]
