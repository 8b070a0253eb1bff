from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import TaskGroup

from clubai.client import Client
from clubai.errors import (
    AuthenticationError,
    ClubAIError,
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    PermissionDenied,
    RemoteProtocolError,
    TrustError,
)
from clubai.gateway import local as room
from clubai.gateway.exchange import Refused
from clubai.gateway.local import LocalClient
from clubai.gateway.problems import Problem
from clubai.model import TrustCode
from clubai.protocol.codec import decode_from_client, encode, encode_value
from clubai.protocol.messages import (
    PROTOCOL_VERSION,
    ClubAnswer,
    ClubQuery,
    Hello,
    Welcome,
)
from clubai.transport.memory import MemoryStream, memory_pair

KEY = "cgk_of_this_machine"
GOOD = f"Bearer {KEY}"


class FakeClub:
    """Plays the club: up, down, silent, or no longer willing."""

    def __init__(self, tasks: TaskGroup) -> None:
        self.refusal: ClubAIError | None = None
        self.silent = False
        self.asked = 0
        self.tries = 0
        self.tried = anyio.Event()
        self.open: list[MemoryStream] = []
        self._tasks = tasks

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Client]:
        self.tries += 1
        self.tried.set()
        self.tried = anyio.Event()
        await anyio.lowlevel.checkpoint()
        if self.refusal is not None:
            raise self.refusal
        here, there = memory_pair()
        self.open.append(here)
        self._tasks.start_soon(self._serve, here)
        async with there, Client.over(there) as client:
            yield client

    async def die(self) -> None:
        """The coordinator's process is gone."""
        self.refusal = ConnectFailed("ws://club", "connection refused")
        await self.open[-1].aclose()

    async def _serve(self, stream: MemoryStream) -> None:
        try:
            async with stream:
                while True:
                    await self._answer(stream, await stream.receive())
        except (
            anyio.EndOfStream,
            anyio.ClosedResourceError,
            anyio.BrokenResourceError,
        ):
            return

    async def _answer(self, stream: MemoryStream, frame: bytes) -> None:
        match decode_from_client(frame):
            case Hello():
                welcome = Welcome(version=PROTOCOL_VERSION, key=bytes(32))
                await stream.send(encode(welcome))
            case ClubQuery(ref=ref):
                self.asked += 1
                if not self.silent:
                    body = encode_value(())
                    await stream.send(encode(ClubAnswer(ref=ref, body=body)))


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[LocalClient, FakeClub]]:
    with anyio.fail_after(10):
        async with anyio.create_task_group() as serving:
            club = FakeClub(serving)
            async with LocalClient.open(club.connect, key=KEY) as local:
                yield local, club
            serving.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between two tries; the looks are far away."""
    monkeypatch.setattr(room, "LONGEST_PAUSE_S", 0.0)
    monkeypatch.setattr(room, "LOOK_S", 1000.0)
    monkeypatch.setattr(room, "SETTLED_S", 0.0)


async def refused(local: LocalClient) -> Problem:
    with pytest.raises(Refused) as caught:
        await local.client_for(GOOD, "")
    return caught.value.problem


async def test_everybody_with_the_key_shares_one_connection() -> None:
    async with opened() as (local, club):
        first = await local.client_for(GOOD, "127.0.0.1")
        second = await local.client_for(f"bearer {KEY}", "")

        assert local.connected
        assert await first.models() == ()

    assert first is second
    assert club.tries == 1


@pytest.mark.parametrize(
    "header",
    [
        None,
        f"Basic {KEY}",
        "Bearer cgk_of_another",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        f"Bearer {KEY.upper()}",
        "Bearer \xff\xe9",
    ],
)
async def test_nothing_but_the_key_will_do(header: str | None) -> None:
    async with opened() as (local, _):
        with pytest.raises(AuthenticationError):
            await local.client_for(header, "127.0.0.1")


async def test_the_key_is_asked_for_before_the_club_is() -> None:
    async with opened() as (local, club):
        await club.die()
        with pytest.raises(AuthenticationError):
            await local.client_for("Bearer nonsense", "")


async def test_a_connection_that_was_lost_comes_back() -> None:
    async with opened() as (local, club):
        first = await local.client_for(GOOD, "")
        await club.open[0].aclose()
        await anyio.wait_all_tasks_blocked()

        assert not local.connected
        second = await local.client_for(GOOD, "")

        assert second is not first
        assert await second.models() == ()
        assert club.tries == 2


async def test_it_comes_back_when_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LOOK_S", 0.01)
    async with opened() as (_, club):
        again = club.tried
        await club.open[0].aclose()

        await again.wait()


async def test_a_coordinator_that_says_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "LOOK_S", 0.01)
    monkeypatch.setattr(room, "LOOK_TIMEOUT_S", 0.01)
    async with opened() as (local, club):
        again = club.tried
        first = await local.client_for(GOOD, "")
        club.silent = True

        await again.wait()
        assert first.lost


async def test_a_living_connection_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LOOK_S", 0.001)
    async with opened() as (local, club):
        first = await local.client_for(GOOD, "")
        while club.asked < 5:
            await anyio.sleep(0.001)

        assert await local.client_for(GOOD, "") is first
        assert club.tries == 1


async def test_without_the_club_it_says_when_to_ask_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "LONGEST_PAUSE_S", 5.0)
    monkeypatch.setattr(room, "random", lambda: 1.0)
    async with opened() as (local, club):
        await club.die()
        await anyio.wait_all_tasks_blocked()
        problem = await refused(local)

        assert (problem.status, problem.code) == (503, "coordinator_unreachable")
        assert "connection refused" in problem.message
        assert problem.retry
        assert problem.retry_after_s is not None
        assert 0 < problem.retry_after_s <= 5
        with anyio.fail_after(0.5):  # and nobody waits for that
            await refused(local)


async def test_a_connection_that_does_not_last_is_not_made_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "SETTLED_S", 1000.0)
    monkeypatch.setattr(room, "LONGEST_PAUSE_S", 1000.0)
    monkeypatch.setattr(room, "backoff", lambda failures, _: 100.0 * (failures + 1))
    async with opened() as (local, club):
        await club.open[0].aclose()
        await anyio.wait_all_tasks_blocked()
        problem = await refused(local)

        assert problem.status == 503
        assert problem.retry_after_s is not None
        assert 99 < problem.retry_after_s <= 100
        assert club.tries == 1


async def test_a_try_that_hangs_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "PATIENCE_S", 0.01)
    async with opened() as (local, club):

        @asynccontextmanager
        async def hang() -> AsyncIterator[Client]:
            await anyio.sleep_forever()
            yield await local.client_for(GOOD, "")

        local._connect = hang
        await club.open[0].aclose()
        await anyio.wait_all_tasks_blocked()

        assert (await refused(local)).status == 503


async def test_after_an_outage_it_is_as_before() -> None:
    async with opened() as (local, club):
        await club.die()
        while local.connected:
            await anyio.lowlevel.checkpoint()
        await refused(local)
        while club.tries < 4:
            await anyio.lowlevel.checkpoint()
        club.refusal = None
        while not local.connected:
            await anyio.lowlevel.checkpoint()

        assert await (await local.client_for(GOOD, "")).models() == ()


@pytest.mark.parametrize(
    "refusal",
    [
        AuthenticationError("the key was revoked"),
        PermissionDenied("asking", "the key was revoked"),
        TrustError(TrustCode.COORDINATOR_CHANGED, "the key was revoked"),
    ],
)
async def test_a_club_that_no_longer_lets_it_in_is_told_as_that(
    refusal: ClubAIError,
) -> None:
    async with opened() as (local, club):
        await club.die()
        club.refusal = refusal
        await anyio.wait_all_tasks_blocked()
        problem = await refused(local)
        tries = club.tries
        await refused(local)

    assert (problem.status, problem.code) == (502, "refused_by_the_club")
    assert "the key was revoked" in problem.message
    assert not problem.retry
    assert club.tries == tries == 2


@pytest.mark.parametrize(
    "refusal",
    [
        ConnectFailed("ws://club", "connection refused"),
        ConnectionLost("it closed at the greeting"),
        AuthenticationError("no such key"),
        PermissionDenied("connecting", "the fee is due"),
        RemoteProtocolError(4001, "another version"),
        ConfigError("url", "x", "give an address"),
    ],
)
async def test_what_goes_wrong_at_the_start_comes_out(refusal: ClubAIError) -> None:
    async with anyio.create_task_group() as tasks:
        club = FakeClub(tasks)
        club.refusal = refusal
        with pytest.raises(type(refusal)) as caught:
            async with LocalClient.open(club.connect, key=KEY):
                pytest.fail("it was opened")

    assert caught.value is refusal
    assert club.tries == 1


async def test_the_connection_outlives_a_cancelled_caller() -> None:
    async with anyio.create_task_group() as serving:
        club = FakeClub(serving)
        async with (
            anyio.create_task_group() as tasks,
            LocalClient.open(club.connect, key=KEY) as local,
        ):
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True), anyio.fail_after(5):
                client = await local.client_for(GOOD, "")
                assert await client.models() == ()

        assert client.lost
        serving.cancel_scope.cancel()


async def test_who_can_read_is_what_the_client_says() -> None:
    async with opened() as (local, _):
        client = await local.client_for(GOOD, "")

        assert local.readable_by == client.readable_by
