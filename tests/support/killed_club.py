"""A club whose coordinator is a process that tests kill, and those who live on.

The nodes and the members are in the test's process; they find back by themselves.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from clubai.agent import AgentConfig
from clubai.agent.agent import Agent
from clubai.agent.backends.base import Piece
from clubai.agent.login import NodeLogin
from clubai.economics.month import DAY_MS, Period
from clubai.model import Kind
from support.commands import environment
from support.scripted_backend import ScriptedBackend, say

MODEL = "m"
WORDS = ("Bread is made of flour,", " water, salt and yeast.", " Bake it hot.")
"""What every node says to everything: checks find that they agree."""
MEMBERS = ("alice", "bob", "carol", "dave", "erin", "frank", "grace")
OWNERS = MEMBERS[:3]
PASSWORD = "a password of the tests"
AGAIN_S = 0.05
HOUR_S = 3600
BEFORE_S = 2
"""An hour ends so soon after a coordinator was started: it has to see that."""
_now = time.time
_now_ns = time.time_ns


class Clock:
    """This process's time, and the coordinator's: it jumps from month to month."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.ahead = 0
        patch.setattr(time, "time", lambda: _now() + self.ahead)
        patch.setattr(time, "time_ns", lambda: _now_ns() + self.ahead * 10**9)
        defaults = NodeLogin.__init__.__kwdefaults__
        patch.setitem(defaults, "clock", lambda: time.time())
        self._start = Period.holding(_now_ns() // 10**6).plus(1)
        self.months = -1

    def next_month(self) -> None:
        """Go on to the 20th of the next month, or just before it."""
        self.months += 1
        at_ms = self.period.start_ms + 19 * DAY_MS
        self.ahead = at_ms // 1000 - int(_now()) - BEFORE_S

    def next_hour(self) -> None:
        """Go on until just before an hour is full."""
        self.ahead += HOUR_S - (int(time.time()) + BEFORE_S) % HOUR_S

    @property
    def period(self) -> Period:
        """The month that it is."""
        return self._start.plus(self.months)


class Unhurried(ScriptedBackend):
    """Takes its time, so that a kill finds answers under way."""

    def __init__(self, rng: random.Random, *, slots: int = 4) -> None:
        super().__init__(say(*WORDS), models=(MODEL,), slots=slots)
        self.longest_s = 0.04
        self._rng = rng

    def stop_after(self, *pieces: Piece) -> anyio.Event:
        """Give no more than this of any answer until the event is set."""
        gate = anyio.Event()
        whole = self.answer
        self.answer = lambda body: [*pieces, gate, *whole(body)]
        return gate

    @asynccontextmanager
    async def run(
        self, kind: Kind, model: str, body: dict[str, Any]
    ) -> AsyncIterator[AsyncIterator[Piece]]:
        async with super().run(kind, model, body) as pieces:
            await anyio.sleep(self._rng.uniform(0, self.longest_s))
            yield pieces


@dataclass
class Said:
    """What was acknowledged: each is written down before the next is asked for."""

    tasks: list[tuple[str, str]] = field(default_factory=list)
    """Their ids, and who asked."""
    bookings: list[tuple[str, str, str, int]] = field(default_factory=list)
    """Kind, member, reference, amount."""
    closes: dict[str, float] = field(default_factory=dict)
    statements: dict[str, bytes] = field(default_factory=dict)

    on_task: Callable[[], None] = lambda: None
    """Called as soon as a task is acknowledged."""
    on_booking: Callable[[], None] = lambda: None

    def task(self, task: str, member: str) -> None:
        self.tasks.append((task, member))
        self.on_task()

    def booking(self, kind: str, member: str, reference: str, minor: int) -> None:
        self.bookings.append((kind, member, reference, minor))
        self.on_booking()

    def copy(self) -> Said:
        return Said(
            list(self.tasks),
            list(self.bookings),
            dict(self.closes),
            dict(self.statements),
        )


class KilledCoordinator:
    """One data directory and one address, through all of its processes."""

    def __init__(self, home: Path, clock: Clock) -> None:
        self.home = home
        self.data = home / "club"
        self.clock = clock
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.starts: list[float] = []
        """How long each start took that was waited for, in seconds."""
        self._errors = home / "coordinator-stderr"

    @contextmanager
    def process(self) -> Iterator[subprocess.Popen[str]]:
        """Start it; it is killed at the end, if it is still there."""
        command = [
            *(sys.executable, "-m", "support.later_coordinator", str(self.clock.ahead)),
            *(f"--data={self.data}", f"--port={self.port}", "--json"),
            "--operator-key",
        ]
        paths = os.pathsep.join(filter(None, sys.path))
        env = environment(self.home, PYTHONPATH=paths)
        with (
            self._errors.open("a") as log,
            subprocess.Popen(
                command,
                env=env,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as popen,
        ):
            try:
                yield popen
            finally:
                popen.kill()

    async def ready(self, popen: subprocess.Popen[str]) -> None:
        """Wait until it says that it listens."""
        begun = time.monotonic()
        assert popen.stdout
        line = await anyio.to_thread.run_sync(popen.stdout.readline)
        assert line, self.errors()
        assert json.loads(line)["coordinator"] == self.url
        self.starts.append(time.monotonic() - begun)

    def errors(self) -> str:
        return self._errors.read_text()[-4000:]

    def copied(self) -> Path:
        """The database as it was left: what looks at it must not tidy it up."""
        copy = self.home / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for name in ("clubai.db", "clubai.db-wal"):
            if (self.data / name).exists():
                shutil.copy(self.data / name, copy / name)
        return copy / "clubai.db"

    @asynccontextmanager
    async def http(self, key: str = "") -> AsyncIterator[httpx.AsyncClient]:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        async with httpx.AsyncClient(
            base_url=self.url, headers=headers, timeout=60, trust_env=False
        ) as http:
            yield http

    def operator_key(self) -> str:
        return (self.data / "operator.key").read_text()

    async def register(self, name: str) -> tuple[str, str]:
        """Make an account; its id, and a key that stands for it."""
        given = {"name": name, "password": PASSWORD}
        async with self.http() as http:
            (await http.post("/api/register", json=given)).raise_for_status()
            login = await http.post("/api/login", json=given)
            token = login.raise_for_status().json()["access_token"]
        async with self.http(token) as http:
            made = await http.post("/api/keys", json={"label": "k", "login": True})
            key = made.raise_for_status().json()["api_key"]
            me = await http.get("/api/me")
        return me.raise_for_status().json()["id"], key

    async def promise(self, key: str, nickname: str) -> None:
        """Promise that a node is always here."""
        async with self.http(key) as http:
            path = f"/api/nodes/{nickname}/promise"
            given = {"schedule": "daily 00:00-24:00", "zone": "UTC"}
            (await http.put(path, json=given)).raise_for_status()

    @asynccontextmanager
    async def node(
        self, owner: str, key: str, backend: ScriptedBackend
    ) -> AsyncIterator[Agent]:
        config = AgentConfig(
            coordinator_url=self.url,
            token=key,
            name=f"node of {owner}",
            data=self.home / f"node-{owner}",
        )
        async with Agent.open(config, backend=backend) as agent:
            await agent.joined()
            yield agent


class Asking:
    """A member who asks all the time, and writes down what was answered."""

    def __init__(self, member: str, said: Said) -> None:
        self._member = member
        self._said = said
        self.unanswered = 0

    async def run(self, http: httpx.AsyncClient, rng: random.Random) -> None:
        while True:
            try:
                task = await ask(http, stream=rng.random() < 0.3)
            except httpx.TransportError:
                task = ""
            if task:
                self._said.task(task, self._member)
                await anyio.sleep(rng.uniform(0, 0.05))
            else:
                self.unanswered += 1
                await anyio.sleep(AGAIN_S)


async def ask(http: httpx.AsyncClient, *, stream: bool) -> str:
    """Ask once; the task's id when the whole answer came, or nothing."""
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "What is bread made of?"}],
        "stream": stream,
    }
    async with http.stream("POST", "/v1/chat/completions", json=body) as reply:
        text = (await reply.aread()).decode()
        whole = "data: [DONE]" in text and '"error"' not in text if stream else True
        good = reply.status_code == 200 and whole
        return reply.headers["x-clubai-task"] if good else ""


class Treasurer:
    """Books fees, credits and payouts, and repeats what was not acknowledged."""

    def __init__(self, members: list[str], said: Said, clock: Clock) -> None:
        self._members = members
        self._said = said
        self._clock = clock
        self._count = 0
        self.repeated = 0

    async def run(self, http: httpx.AsyncClient, rng: random.Random) -> None:
        while True:
            booking = await self._next(http, rng)
            while booking and not await self._book(http, *booking):
                self.repeated += 1
                await anyio.sleep(AGAIN_S)
            await anyio.sleep(rng.uniform(0, 0.05))

    async def _next(
        self, http: httpx.AsyncClient, rng: random.Random
    ) -> tuple[str, dict[str, Any]] | None:
        self._count += 1
        kind = rng.choice(("fee", "fee", "credit", "payout"))
        member = rng.choice(self._members)
        given: dict[str, Any] = {"member": member, "reference": f"r{self._count}"}
        if kind == "fee":
            given["amount_minor"] = rng.randrange(500, 5000)
            given["processor_minor"] = rng.randrange(3) * 17
        else:
            try:
                (row, *_) = await spendable(http, 0)
            except (ValueError, httpx.TransportError):
                return None
            given["member"] = row["member"]
            given["amount_minor"] = rng.randrange(1, row["amount_minor"] // 2)
        if kind != "payout":
            given["period"] = str(self._clock.period)
        return kind, given

    async def _book(
        self, http: httpx.AsyncClient, kind: str, given: dict[str, Any]
    ) -> bool:
        path = {"fee": "/api/fees", "credit": "/api/credit", "payout": "/api/payouts"}
        try:
            reply = await http.post(path[kind], json=given)
        except httpx.TransportError:
            return False
        assert reply.status_code == 200, reply.text
        self._said.booking(
            kind, given["member"], given["reference"], given["amount_minor"]
        )
        return True


async def spendable(http: httpx.AsyncClient, least: int) -> list[dict[str, Any]]:
    """Who can be paid out how much, the most first."""
    reply = await http.get("/api/payouts", params={"format": "json"})
    rows = reply.json()["payouts"] if reply.status_code == 200 else []
    rows.sort(key=lambda row: -row["amount_minor"])
    return [row for row in rows if row["amount_minor"] > least]


async def close_month(http: httpx.AsyncClient, month: str, said: Said) -> float:
    """Close a month, or see that it is; write down what is said of it.

    How long it took to close it, in seconds.
    """
    began = time.monotonic()
    reply = await http.post(f"/api/months/{month}/close", json={})
    assert reply.status_code == 200, reply.text
    told = reply.json()
    took_s = time.monotonic() - began
    assert told["closed"], told
    assert said.closes.setdefault(month, told["at"]) == told["at"]
    file = (await http.get(f"/api/months/{month}/statement")).raise_for_status().content
    assert said.statements.setdefault(month, file) == file
    return took_s


def wait_for_close(database: Path, month: str, then: Callable[[], None]) -> None:
    """Do something as soon as the month's close is in the database."""
    sql = "SELECT 1 FROM closes WHERE month = ?"
    until = time.monotonic() + 30
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        while not db.execute(sql, [month]).fetchone() and time.monotonic() < until:
            # Another process commits it, and nothing tells when: to kill that process
            # between its commit and its answer, somebody has to look all the time.
            time.sleep(0.0001)
        then()


def free_port() -> int:
    """One that stays free while nobody listens.

    Any other may be given to a connection that somebody opens from this machine.
    """
    while True:
        with socket.socket() as probe:
            port = random.randrange(20_000, 32_000)  # noqa: S311 - no secret
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
