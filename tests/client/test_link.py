from __future__ import annotations

import anyio
import pytest

from clubai.client.link import ClientLink
from clubai.client.mailbox import Mailbox
from clubai.errors import ConnectionLost, RemoteProtocolError
from clubai.protocol.messages import (
    CloseCode,
    ClubQuery,
    Goodbye,
    Notice,
    TaskOffer,
    TaskReply,
)
from clubai.transport.memory import MemoryStream, memory_pair
from support.coordinator_script import Script

TASK = b"t" * 16


async def greeted(stream: MemoryStream, tasks: anyio.abc.TaskGroup) -> Script:
    script = Script(stream)
    tasks.start_soon(script.greet)
    return script


async def test_what_comes_reaches_whoever_expects_it() -> None:
    here, there = memory_pair()
    async with here, there, anyio.create_task_group() as tasks:
        script = await greeted(there, tasks)
        async with ClientLink.open(here, timeout=5) as link:
            first, second = Mailbox(), Mailbox()
            link.expect(link.next_ref(), first)
            link.expect(link.next_ref(), second)
            assert link.coordinator_key == script.identity.key
            await script.say(Notice(code="b", ref=2))
            await script.say(TaskOffer(ref=1, task=TASK, body=b"x", sig=bytes(64)))
            await script.say(TaskReply(task=TASK, hdr=bytes(96)))
            await script.say(Notice(code="nobody", ref=77))

            assert await second.take() == Notice(code="b", ref=2)
            assert isinstance(await first.take(), TaskOffer)
            assert isinstance(await first.take(), TaskReply)
            assert link.busy
            link.forget(1, task=TASK)
            link.forget(2)
            assert not link.busy


async def test_when_it_ends_everybody_is_told_why() -> None:
    here, there = memory_pair()
    async with here, there, anyio.create_task_group() as tasks:
        script = await greeted(there, tasks)
        async with ClientLink.open(here, timeout=5) as link:
            mailbox = Mailbox()
            link.expect(link.next_ref(), mailbox)
            await script.say(Goodbye(code=CloseCode.RESTARTING, reason="stopping"))

            with pytest.raises(ConnectionLost, match="stopping"):
                await mailbox.take()
            assert link.lost
            with pytest.raises(ConnectionLost, match="stopping"):
                link.expect(link.next_ref(), Mailbox())
            with pytest.raises(ConnectionLost, match="stopping"):
                await link.send(ClubQuery(ref=1, what="models"))


async def test_nonsense_ends_it_as_the_coordinators_fault() -> None:
    here, there = memory_pair()
    async with here, there, anyio.create_task_group() as tasks:
        await greeted(there, tasks)
        async with ClientLink.open(here, timeout=5) as link:
            mailbox = Mailbox()
            link.expect(link.next_ref(), mailbox)
            await there.send(b"\xc1")

            with pytest.raises(RemoteProtocolError):
                await mailbox.take()


async def test_a_coordinator_that_says_nothing_is_given_up() -> None:
    here, there = memory_pair()
    async with here, there:
        with pytest.raises(ConnectionLost, match="greet"):
            async with ClientLink.open(here, timeout=0.01):
                pass


async def test_a_coordinator_that_closes_at_once_is_lost() -> None:
    here, there = memory_pair()
    await there.aclose()
    async with here:
        with pytest.raises(ConnectionLost):
            async with ClientLink.open(here, timeout=5):
                pass


async def test_offers_that_nobody_asked_for_are_not_remembered() -> None:
    here, there = memory_pair()
    async with here, there, anyio.create_task_group() as tasks:
        script = await greeted(there, tasks)
        async with ClientLink.open(here, timeout=5) as link:
            mailbox = Mailbox()
            link.expect(link.next_ref(), mailbox)
            for number in range(2, 50):
                task = number.to_bytes(16)
                offer = TaskOffer(ref=number, task=task, body=b"x", sig=bytes(64))
                await script.say(offer)
            await script.say(Notice(code="last", ref=1))
            await mailbox.take()
            assert link._refs_by_task == {}
