"""What an application is still to receive."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from clubai.transport.inbox import Inbox


def part(number: int) -> dict[str, object]:
    return {"type": "http.request", "body": bytes([number])}


GONE = {"type": "http.disconnect"}


async def test_messages_come_in_order() -> None:
    inbox = Inbox(3)
    for number in range(3):
        await inbox.put(part(number))

    assert [await inbox.receive() for _ in range(3)] == [part(n) for n in range(3)]


async def test_a_body_is_whole_once_its_end_is_here() -> None:
    inbox = Inbox(3)
    seen = [inbox.has_whole_body]
    for more in (True, False):
        await inbox.put({"type": "http.request", "body": b"x", "more_body": more})
        seen.append(inbox.has_whole_body)
    await inbox.receive()
    seen.append(inbox.has_whole_body)
    await inbox.receive()
    await inbox.put(GONE)

    assert [*seen, inbox.has_whole_body] == [False, False, True, True, False]


async def test_a_full_inbox_holds_the_reader_back_until_one_is_taken() -> None:
    inbox = Inbox(1)
    await inbox.put(part(0))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(inbox.put, part(1))
        await anyio.wait_all_tasks_blocked()

        assert await inbox.receive() == part(0)
    assert await inbox.receive() == part(1)


async def test_the_disconnect_fits_into_a_full_inbox_and_stays() -> None:
    inbox = Inbox(1)
    await inbox.put(part(0))
    await inbox.put(GONE)

    got = [await inbox.receive() for _ in range(3)]

    assert got == [part(0), GONE, GONE]


async def test_the_disconnect_wakes_who_waits_for_a_message() -> None:
    inbox = Inbox(1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(inbox.put, GONE)

        assert await inbox.receive() == GONE


async def test_a_reader_is_let_go_when_nobody_will_receive() -> None:
    for end in ("close", "disconnect"):
        inbox = Inbox(1)
        await inbox.put(part(0))
        with anyio.fail_after(1):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(inbox.put, part(1))
                await anyio.wait_all_tasks_blocked()
                if end == "close":
                    inbox.close()
                else:
                    await inbox.put(GONE)


async def test_pushed_messages_are_taken_while_they_are_put() -> None:
    inbox, taken = Inbox(3), []

    def take(message: Any) -> bool:
        taken.append(message["body"])
        return True

    await inbox.put(part(0))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(inbox.push_to, take)
        await anyio.wait_all_tasks_blocked()
        await inbox.put(part(1))
        assert taken == [b"\x00", b"\x01"]
        with anyio.fail_after(5):
            await inbox.put(GONE)

    assert await inbox.receive() == GONE


@pytest.mark.parametrize("early", [True, False])
async def test_what_is_not_taken_and_all_that_follows_is_left(early: bool) -> None:
    inbox = Inbox(3)

    def take(message: Any) -> bool:
        return bool(message["body"] != b"\x01")

    async with anyio.create_task_group() as tasks:
        if not early:
            tasks.start_soon(inbox.push_to, take)
            await anyio.wait_all_tasks_blocked()
        for number in range(3):
            await inbox.put(part(number))
        if early:
            with anyio.fail_after(5):
                await inbox.push_to(take)

    assert [await inbox.receive() for _ in range(2)] == [part(1), part(2)]


async def test_what_a_taker_raises_is_raised_where_it_waits() -> None:
    inbox, calls = Inbox(3), []

    def take(message: Any) -> bool:
        calls.append(message)
        raise KeyError(message["body"])

    caught = anyio.Event()

    async def follow() -> None:
        with pytest.raises(KeyError):
            await inbox.push_to(take)
        caught.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow)
        await anyio.wait_all_tasks_blocked()
        await inbox.put(part(0))  # whoever puts is not told
        await inbox.put(part(1))
        with anyio.fail_after(5):
            await caught.wait()
    assert calls == [part(0)]


async def test_after_a_cancelled_push_messages_wait() -> None:
    inbox = Inbox(3)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(inbox.push_to, lambda _: True)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    await inbox.put(part(0))

    assert await inbox.receive() == part(0)


async def test_what_waited_for_room_is_pushed_before_what_follows() -> None:
    inbox, taken = Inbox(1), []

    def take(message: Any) -> bool:
        taken.append(message["body"])
        return True

    async def put_all() -> None:
        for number in range(4):
            await inbox.put(part(number))
        await inbox.put(GONE)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(put_all)
            await anyio.wait_all_tasks_blocked()  # the second one has no room
            await inbox.push_to(take)
    assert taken == [bytes([number]) for number in range(4)]


@pytest.mark.parametrize("before", [True, False])
async def test_who_asked_to_be_called_hears_of_the_disconnect(before: bool) -> None:
    inbox, calls = Inbox(1), []
    if before:
        await inbox.put(GONE)
    with inbox.calling_when_gone(lambda: calls.append("gone")):
        if not before:
            await inbox.put(part(0))
            assert not calls
            await inbox.put(GONE)
        assert calls == ["gone"]


async def test_nobody_is_called_afterwards() -> None:
    inbox, calls = Inbox(1), []
    with inbox.calling_when_gone(lambda: calls.append("gone")):
        pass
    await inbox.put(GONE)

    assert not calls
