"""What an application is still to receive."""

from __future__ import annotations

import anyio

from clubai.transport.inbox import Inbox


def part(number: int) -> dict[str, object]:
    return {"type": "http.request", "body": bytes([number])}


GONE = {"type": "http.disconnect"}


async def test_messages_come_in_order() -> None:
    inbox = Inbox(3)
    for number in range(3):
        await inbox.put(part(number))

    assert [await inbox.receive() for _ in range(3)] == [part(n) for n in range(3)]


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
