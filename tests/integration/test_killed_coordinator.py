"""A coordinator that is killed over and over while the club works, and closes months.

`CLUBAI_KILLS=200 pytest tests/integration/test_killed_coordinator.py -s` kills more
often. It is a kill of the process: a loss of power is another matter.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import anyio
import httpx
import pytest
from anyio import to_thread
from anyio.abc import TaskGroup

import clubai.agent.agent
from clubai.agent.agent import Agent
from clubai.coordinator.config import CoordinatorConfig
from clubai.coordinator.signing import signing_identity
from clubai.economics.verify import verify_statement
from support.kept import Counts, check_kept, points_by_replay, points_by_sum
from support.killed_club import (
    AGAIN_S,
    MEMBERS,
    OWNERS,
    Asking,
    Clock,
    KilledCoordinator,
    Said,
    Treasurer,
    Unhurried,
    close_month,
    wait_for_close,
)
from support.scripted_backend import word

KILLS = int(os.environ.get("CLUBAI_KILLS", "10"))
ANSWERS = 5
"""From a start until kills begin, but for the early ones."""
EARLY = 4
"""One of so many that have nothing to close is killed while it may be starting."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 + 10 * KILLS)]


@pytest.fixture
def anyio_backend() -> str:
    """It is another process that is killed: one loop is enough."""
    return "asyncio"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    # Nodes come back at once: how long they wait otherwise is tested elsewhere.
    monkeypatch.setattr(clubai.agent.agent, "backoff", lambda *_: AGAIN_S)
    return Clock(monkeypatch)


class Club:
    """Members and nodes around a coordinator that comes and goes."""

    def __init__(self, coordinator: KilledCoordinator, rng: random.Random) -> None:
        self.coordinator = coordinator
        self.rng = rng
        self.backend = Unhurried(rng)
        self.said = Said()
        self.keys: dict[str, str] = {}
        """By member id."""
        self.agents: dict[str, Agent] = {}
        """By their owner's id."""
        self._stack = AsyncExitStack()

    @asynccontextmanager
    async def founded(self, *names: str) -> AsyncIterator[None]:
        """Make the accounts and start the nodes; these stay until the end."""
        async with self._stack:
            for name in names:
                member, key = await self.coordinator.register(name)
                self.keys[member] = key
                if name in OWNERS:
                    node = self.coordinator.node(name, key, self.backend)
                    agent = await self._stack.enter_async_context(node)
                    self.agents[member] = agent
                    await self.coordinator.promise(key, agent.nickname)
            yield

    @property
    def owners(self) -> dict[str, str]:
        """Who owns which node."""
        return {agent.node: member for member, agent in self.agents.items()}

    @property
    def key(self) -> bytes:
        """What the statements are signed with."""
        config = CoordinatorConfig(data=self.coordinator.data)
        return signing_identity(config).key

    async def ask(self) -> None:
        """Let all members ask all the time, until cancelled."""
        async with anyio.create_task_group() as tasks:
            for member, key in self.keys.items():
                tasks.start_soon(self._ask_as, member, key)

    async def _ask_as(self, member: str, key: str) -> None:
        async with self.coordinator.http(key) as http:
            await Asking(member, self.said).run(http, self.rng)

    def left(self) -> Left:
        """What a coordinator has left, and what it had acknowledged by then."""
        return Left(self.coordinator.copied(), self.said.copy())

    async def check(self, left: Left) -> Counts:
        owners, key = self.owners, self.key
        return await to_thread.run_sync(
            lambda: check_kept(left.database, left.said, key=key, owners=owners)
        )

    async def answers(self, count: int) -> None:
        """Wait until so many more came."""
        goal = len(self.said.tasks) + count
        with anyio.fail_after(30):
            while len(self.said.tasks) < goal:
                await anyio.sleep(0.01)


class Left(NamedTuple):
    database: Path
    said: Said


class Kills:
    """Kills one coordinator after the other, and sees what each has left."""

    def __init__(self, club: Club, operator: httpx.AsyncClient) -> None:
        self._club = club
        self._operator = operator
        self._due: list[str] = []
        """Months to close, the earliest first."""
        self._took_s = 0.02
        self._dying = ""
        """The month whose close a kill fell into."""
        self.in_closes = 0
        self.stored = 0
        """Of those in closes: it was stored, and not acknowledged."""
        self.early = 0

    def go_on(self, *, month: bool) -> None:
        """Let an hour go by, or the rest of the month: then it is to be closed."""
        clock = self._club.coordinator.clock
        if not month:
            clock.next_hour()
            return
        self._due.append(str(clock.period))
        clock.next_month()

    async def run(self) -> None:
        left = None
        for number in range(KILLS):
            self.go_on(month=number % 2 == 0)
            async with anyio.create_task_group() as tasks:
                if left is not None:  # beside the start: it looks at a copy
                    tasks.start_soon(self._check, left, number, self._dying)
                self._dying = ""
                await self._live_and_die(tasks, closing=number % 2 == 0)
            left = self._club.left()
        assert left is not None
        await self._check(left, KILLS, self._dying)

    async def end(self) -> None:
        """Close what is left to be closed."""
        while self._due:
            await self._close(self._due[0])

    async def _check(self, left: Left, kills: int, dying: str) -> None:
        try:
            counts = await self._club.check(left)
        except AssertionError as error:
            error.add_note(f"after {kills} kills")
            raise
        self.stored += dying in counts.statements

    async def _live_and_die(self, tasks: TaskGroup, *, closing: bool) -> None:
        coordinator, rng = self._club.coordinator, self._club.rng
        with coordinator.process() as popen:
            if not closing and rng.randrange(EARLY) == 0:
                self.early += 1
                took_s = coordinator.starts[-1]
                await anyio.sleep(rng.uniform(took_s / 2, took_s))
            else:
                await coordinator.ready(popen)
                await self._work(tasks, closing=closing)
                await self._moment(popen, closing=closing)
            popen.kill()
            assert await to_thread.run_sync(popen.wait) == -signal.SIGKILL
        if self._dying in self._club.said.closes:
            self._dying = ""
        self.in_closes += bool(self._dying)

    async def _work(self, tasks: TaskGroup, *, closing: bool) -> None:
        """Let the club work and close what is due; be in the midst of it at the end."""
        rng, said = self._club.rng, self._club.said
        await self._club.answers(ANSWERS)
        for month in list(said.closes)[-1:] + rng.choices(list(said.closes) or [""]):
            if month:
                await close_month(self._operator, month, said)
        while len(self._due) > closing:
            await self._close(self._due[0])
        if closing:
            self._dying = self._due[0]
            tasks.start_soon(self._try_to_close, self._dying)

    async def _moment(self, popen: subprocess.Popen[str], *, closing: bool) -> None:
        """Wait for the moment to kill it; or kill it as soon as it has said yes."""
        rng, said = self._club.rng, self._club.said
        kinds = ("close", "stored") if closing else ("any", "on_task", "on_booking")
        kind = rng.choice(kinds)
        if kind == "close":
            await anyio.sleep(rng.uniform(0, self._took_s))
        elif kind == "stored":
            database = self._club.coordinator.data / "clubai.db"
            stored = partial(wait_for_close, database, self._dying, popen.kill)
            await to_thread.run_sync(stored)
        elif kind == "any":
            await anyio.sleep(rng.uniform(0, 0.5))
        else:
            setattr(said, kind, popen.kill)
            with anyio.move_on_after(5):
                await to_thread.run_sync(popen.wait, abandon_on_cancel=True)
            setattr(said, kind, lambda: None)

    async def _try_to_close(self, month: str) -> None:
        try:
            await self._close(month)
        except httpx.TransportError:
            pass

    async def _close(self, month: str) -> None:
        self._took_s = await close_month(self._operator, month, self._club.said)
        self._due.remove(month)


async def test_killed_at_any_moment_it_keeps_what_it_said(
    tmp_path: Path, clock: Clock
) -> None:
    began = time.monotonic()
    rng = random.Random(7)  # noqa: S311 - no secret
    coordinator = KilledCoordinator(tmp_path, clock)
    club = Club(coordinator, rng)
    clock.next_month()
    async with AsyncExitStack() as stack:
        with coordinator.process() as popen:
            await coordinator.ready(popen)
            await stack.enter_async_context(club.founded(*MEMBERS))
            operator = coordinator.http(coordinator.operator_key())
            http = await stack.enter_async_context(operator)
            tasks = await stack.enter_async_context(anyio.create_task_group())
            tasks.start_soon(club.ask)
            treasurer = Treasurer(list(club.keys), club.said, clock)
            tasks.start_soon(treasurer.run, http, rng)
            await club.answers(ANSWERS)
        kills = Kills(club, http)
        await kills.run()
        kills.go_on(month=True)
        with coordinator.process() as popen:
            await coordinator.ready(popen)
            await club.answers(ANSWERS)
            await kills.end()
            tasks.cancel_scope.cancel()
            await check_living(club, http)
            popen.terminate()
            assert await to_thread.run_sync(popen.wait) == 0, coordinator.errors()
    left = club.left()
    counts = await club.check(left)
    points = points_by_sum(left.database)
    assert points == await points_by_replay(left.database)
    said = club.said
    assert len(said.closes) == clock.months
    assert said.bookings
    assert counts.settled
    sys.stdout.write(
        f"\n{KILLS} kills, {time.monotonic() - began:.0f} s: {counts.tasks} tasks,"
        f" {counts.events} events, {counts.entries} entries,"
        f" {len(counts.statements)} closes, {counts.settled} settled;"
        f" acknowledged: {len(said.tasks)} tasks, {len(said.bookings)} bookings;"
        f" {kills.in_closes} kills in a close ({kills.stored} of them after it was"
        f" stored), {kills.early} in a start; {treasurer.repeated} bookings repeated;"
        f" a start took {statistics.median(coordinator.starts):.2f} s\n"
    )


async def check_living(club: Club, http: httpx.AsyncClient) -> None:
    """What the coordinator says is what is in its books."""
    database = club.coordinator.data / "clubai.db"
    with anyio.fail_after(20):  # checks go on, and move points
        while True:
            rows = (await http.get("/api/reputation")).raise_for_status().json()
            told = {row["id"]: row["points"] for row in rows["nodes"]}
            if told == points_by_sum(database):
                break
    months = list(club.said.statements)
    for member, key in club.keys.items():
        async with club.coordinator.http(key) as own:
            for month in months[-3:]:
                reply = await own.get(f"/api/months/{month}/mine")
                file = reply.raise_for_status().content
                report = verify_statement(file, club.key)
                assert report.own is not None, member


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
async def test_who_works_when_it_ends_is_not_blamed(
    tmp_path: Path, clock: Clock, signum: int
) -> None:
    coordinator = KilledCoordinator(tmp_path, clock)
    club = Club(coordinator, random.Random(7))  # noqa: S311 - no secret
    clock.next_month()
    async with AsyncExitStack() as stack:
        with coordinator.process() as popen:
            await coordinator.ready(popen)
            await stack.enter_async_context(club.founded(*OWNERS))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(club.ask)
                await club.answers(ANSWERS)
                gate = club.backend.stop_after(word("Bread"))
                with anyio.fail_after(20):
                    while club.backend.running < len(OWNERS) + 1:
                        await anyio.sleep(0.01)
                popen.send_signal(signum)
                ended = await to_thread.run_sync(popen.wait)
                tasks.cancel_scope.cancel()
        assert ended == (0 if signum == signal.SIGTERM else -signum)
        before = points_by_sum((left := club.left()).database)
        assert (await club.check(left)).tasks >= ANSWERS
        clock.next_hour()
        gate.set()
        with coordinator.process() as popen:
            await coordinator.ready(popen)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(club.ask)
                await club.answers(ANSWERS)
                tasks.cancel_scope.cancel()
            popen.terminate()
            assert await to_thread.run_sync(popen.wait) == 0
    await club.check(left := club.left())
    after = points_by_sum(left.database)
    assert all(after[node] >= points for node, points in before.items())
