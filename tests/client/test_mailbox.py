from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint

from clubai.client.mailbox import MAX_WAITING, Mailbox
from clubai.errors import ConnectionLost
from clubai.protocol.messages import Notice


async def test_messages_come_in_order_and_the_error_last() -> None:
    mailbox = Mailbox()
    mailbox.put(Notice(code="a"))
    mailbox.put(Notice(code="b"))
    mailbox.fail(ConnectionLost("gone"))

    assert await mailbox.take() == Notice(code="a")
    assert await mailbox.take() == Notice(code="b")
    with pytest.raises(ConnectionLost):
        await mailbox.take()


async def test_a_taker_that_waits_is_woken() -> None:
    mailbox = Mailbox()
    taken: list[object] = []

    async def take() -> None:
        taken.append(await mailbox.take())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take)
        await checkpoint()
        mailbox.put(Notice(code="late"))

    assert taken == [Notice(code="late")]


async def test_the_first_error_counts() -> None:
    mailbox = Mailbox()
    mailbox.fail(ConnectionLost("first"))
    mailbox.fail(ConnectionLost("second"))

    with pytest.raises(ConnectionLost, match="first"):
        await mailbox.take()


def test_a_mailbox_is_bounded() -> None:
    mailbox = Mailbox()

    assert all(mailbox.put(Notice(code="x")) for _ in range(MAX_WAITING))
    assert not mailbox.put(Notice(code="x"))
