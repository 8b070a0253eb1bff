from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import msgspec
import pytest
from anyio.abc import ObjectStream, TaskGroup

from clubai.client.trust import Trust
from clubai.errors import AuthenticationError
from clubai.gateway import transit
from clubai.gateway.transit import TransitClients
from clubai.model import MemberId
from clubai.protocol.codec import encode
from clubai.protocol.messages import PROTOCOL_VERSION, Welcome
from clubai.transport.memory import MemoryStream, memory_pair

KEY = b"k" * 32


class Someone(msgspec.Struct, frozen=True):
    id: MemberId
    key: str = ""


class Links:
    """Plays a coordinator that greets whoever comes and then says nothing."""

    def __init__(self, tasks: TaskGroup) -> None:
        self.asked: list[MemberId] = []
        self.addresses: list[str] = []
        self.open: list[MemoryStream] = []
        self.ended = 0
        self._tasks = tasks

    async def authenticate(self, token: str, address: str) -> Someone:
        await anyio.lowlevel.checkpoint()
        self.addresses.append(address)
        if not token.startswith("sk-"):
            raise AuthenticationError("the key is not good")
        name, _, key = token.removeprefix("sk-").partition("-")
        return Someone(MemberId(name), key)

    def link(self, speaker: Someone) -> ObjectStream[bytes]:
        self.asked.append(speaker.id)
        here, there = memory_pair()
        self.open.append(here)
        self._tasks.start_soon(self._serve, here)
        return there

    async def _serve(self, stream: MemoryStream) -> None:
        async with stream:
            await stream.receive()
            welcome = Welcome(version=PROTOCOL_VERSION, key=KEY)
            await stream.send(encode(welcome))
            try:
                while True:
                    await stream.receive()
            except (anyio.EndOfStream, anyio.ClosedResourceError):
                self.ended += 1


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[TransitClients[Someone], Links]]:
    with anyio.fail_after(10):
        async with anyio.create_task_group() as serving:
            links = Links(serving)
            async with anyio.create_task_group() as tasks:
                clients = TransitClients(
                    authenticate=links.authenticate,
                    link=links.link,
                    trust=Trust.of_own_process(KEY, clock_ms=lambda: 0),
                    tasks=tasks,
                )
                yield clients, links
                tasks.cancel_scope.cancel()


async def test_all_requests_with_one_key_share_one_client() -> None:
    async with opened() as (clients, links):
        first = await clients.client_for("Bearer sk-ann-1", "192.0.2.1")
        second = await clients.client_for("bearer sk-ann-1", "192.0.2.2")
        other = await clients.client_for("Bearer sk-bob", "")

    assert first is second
    assert other is not first
    assert links.asked == ["ann", "bob"]
    assert links.addresses == ["192.0.2.1", "192.0.2.2", ""]


async def test_what_one_key_may_is_never_anothers() -> None:
    async with opened() as (clients, links):
        first = await clients.client_for("Bearer sk-ann-1", "")
        second = await clients.client_for("Bearer sk-ann-2", "")
        again = await clients.client_for("Bearer sk-ann-1", "")

    assert first is again
    assert second is not first
    assert links.asked == ["ann", "ann"]
    assert first.speaks_for == second.speaks_for == "ann"


async def test_requests_at_the_same_time_make_one_client() -> None:
    found = []

    async def ask(clients: TransitClients[Someone]) -> None:
        found.append(await clients.client_for("Bearer sk-ann", ""))

    async with opened() as (clients, links), anyio.create_task_group() as asking:
        for _ in range(5):
            asking.start_soon(ask, clients)

    assert len(set(found)) == 1
    assert links.asked == ["ann"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic sk-ann"])
async def test_without_a_key_nobody_is_asked(header: str | None) -> None:
    async with opened() as (clients, links):
        with pytest.raises(AuthenticationError, match="Authorization: Bearer KEY"):
            await clients.client_for(header, "")

    assert links.asked == []


async def test_a_bad_key_is_refused() -> None:
    async with opened() as (clients, links):
        with pytest.raises(AuthenticationError, match="not good"):
            await clients.client_for("Bearer nonsense", "")

    assert links.asked == []


async def test_a_client_that_was_lost_is_replaced() -> None:
    async with opened() as (clients, links):
        first = await clients.client_for("Bearer sk-ann", "")
        await links.open[0].aclose()
        await anyio.wait_all_tasks_blocked()
        second = await clients.client_for("Bearer sk-ann", "")

    assert first is not second
    assert first.lost
    assert links.asked == ["ann", "ann"]


async def test_a_client_that_is_not_used_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transit, "IDLE_SECONDS", 0.0)
    async with opened() as (clients, links):
        await clients.client_for("Bearer sk-ann", "")
        while not links.ended:
            await anyio.lowlevel.checkpoint()
        await clients.client_for("Bearer sk-ann", "")

    assert links.asked == ["ann", "ann"]


async def test_the_clients_end_with_their_tasks() -> None:
    async with opened() as (clients, links):
        await clients.client_for("Bearer sk-ann", "")

    assert links.ended == 1
