"""A coordinator's store that is killed over and over: the books stay sound.

`CLUBAI_KILLS=200 pytest tests/integration/test_killed_books.py -s` kills more often.
It is a kill of the process: a loss of power is another matter, and not tested here.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from clubai.storage.sqlite import SqliteStore
from support.bookkeeper import FEE, TASKS, close_of, entries, event
from support.books import GENESIS, canonical, chained, check_books
from support.rows import task_row

KILLS = int(os.environ.get("CLUBAI_KILLS", "20"))
EARLY = 4
"""One of so many is killed while it may still be opening the store."""
LINES = 30
"""The others have said fewer than this when their last milliseconds begin."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60 + 5 * KILLS)]


class Said:
    """What a child has said that it wrote."""

    def __init__(self) -> None:
        self.tasks = 0
        self.events = 0
        self.entries = 0
        self.head = GENESIS
        self.closes: dict[str, int] = {}

    def hear(self, said: str) -> None:
        whole, _, _ = said.rpartition("\n")
        for line in whole.splitlines():
            match line.split():
                case ["tasks", tasks, events]:
                    self.tasks, self.events = int(tasks), int(events)
                case ["ledger", entries, head]:
                    self.entries, self.head = int(entries), bytes.fromhex(head)
                case ["close", month, paid]:
                    self.closes[month] = int(paid)
                case other:
                    assert other == ["open"]


def run_and_kill(database: Path, rng: random.Random) -> str:
    """Run a child for a random while; what it said until it was killed."""
    command = [sys.executable, "-m", "support.bookkeeper", str(database)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        lines = rng.randrange(LINES) if rng.randrange(EARLY) else 0
        heard = "".join(child.stdout.readline() for _ in range(lines))
        try:
            child.wait(timeout=rng.uniform(0, 0.01 if lines else 0.4))
        except subprocess.TimeoutExpired:
            child.kill()
        said = heard + child.stdout.read()
    assert child.returncode == -9, "it ended by itself"
    return said


async def test_killed_at_any_moment_the_books_are_sound(database: Path) -> None:
    rng = random.Random(5)  # noqa: S311 - no secret
    said = Said()
    more = 0
    began = time.monotonic()
    for _ in range(KILLS):
        said.hear(run_and_kill(database, rng))
        if database.exists():
            more += await check(database, said)

    async with SqliteStore.open(database) as store:
        settled = len(await store.settled_tasks())
        assert said.closes
        assert settled
        sys.stdout.write(
            f"\n{KILLS} kills, {time.monotonic() - began:.0f} s: {said.tasks} tasks,"
            f" {said.events} events, {said.entries} entries, {len(said.closes)} closes,"
            f" {settled} settled; after {more} kills there was more than was said\n"
        )


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "clubai.db"


@pytest.fixture
def anyio_backend() -> str:
    """The child has its own loop, and it is the child that is killed."""
    return "asyncio"


async def check(database: Path, said: Said) -> bool:
    """Reopen the store: all that was said is there. Tells whether there is more."""
    async with SqliteStore.open(database) as store:
        tasks = await store.count_tasks()
        new = await store.standing_events(since=max(said.events - 2 * TASKS, 0))
        ledger = await store.ledger()
        closes = [row.month for row in await store.closes()]
        settled = await store.settled_tasks()
    check_books(database)

    assert tasks >= said.tasks
    assert (new[-1].seq + 1 if new else 0) == 2 * tasks
    assert new == [event(row.seq, task_row(row.seq // 2)) for row in new]
    assert tasks % TASKS == 0, "half of a transaction"
    assert len(ledger) >= said.entries
    if said.entries:
        assert ledger[said.entries - 1].hash == said.head
    paid = {
        row.key.removeprefix("close:"): -json.loads(row.body)["lines"][1][2]
        for row in ledger
        if row.key.startswith("close:")
    }
    assert list(paid) == closes
    assert said.closes.items() <= paid.items()
    assert sum(paid.values()) == len(settled), "what was paid is not what is settled"
    return (tasks, len(ledger)) != (said.tasks, said.entries)


def test_the_chain_is_that_of_the_specification() -> None:
    lines = [["psp_clearing", "EUR", 1000], ["fee_income", "EUR", -1000]]
    body = canonical(
        {
            "seq": 0,
            "ts": "2026-01-31T23:59:59.999Z",
            "key": "fee:2026-01:alice",
            "lines": lines,
        }
    )

    assert chained(GENESIS, body).hex() == (
        "8a667d19e8539b855362f3ff3ccf6fc24751f08ed13e1016f244fbb25918aaf5"
    )


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ledger SET hash = zeroblob(32) WHERE seq = 2",
        "UPDATE ledger SET ts = '2027' WHERE seq = 1",
        "UPDATE ledger SET key = 'other' WHERE seq = 1",
        "DELETE FROM ledger WHERE seq = 1",
        "DELETE FROM closes",
        "DELETE FROM tasks WHERE id LIKE '%1'",
        "UPDATE tasks SET state = 'failed' WHERE id LIKE '%1'",
        "DELETE FROM standing WHERE seq = 2",
        "INSERT INTO ledger SELECT 4, ts, 'x', body, hash FROM ledger WHERE seq = 3",
    ],
)
async def test_the_check_finds_what_is_wrong(database: Path, sql: str) -> None:
    tasks = [task_row(n) for n in range(4)]
    async with SqliteStore.open(database) as store:
        events = [event(n, tasks[n]) for n in range(4)]
        await store.append_tasks_and_standing(tasks, events)
        rows = entries(0, GENESIS, [(f"fee:{n}", FEE) for n in range(4)])
        close = close_of("2026-01", 9.0)
        assert await store.post(rows, close=close, settled=[tasks[1].id])
    check_books(database)
    with closing(sqlite3.connect(database)) as db:
        triggers = db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute(sql)
        db.commit()

    with pytest.raises(AssertionError):
        check_books(database)


async def test_the_check_finds_an_entry_that_makes_money(database: Path) -> None:
    rows = entries(0, GENESIS, [("fee:0", FEE[:1])])
    async with SqliteStore.open(database) as store:
        assert await store.post(rows)

    with pytest.raises(AssertionError, match="add up"):
        check_books(database)
