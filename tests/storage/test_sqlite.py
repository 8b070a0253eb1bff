"""What only the SQLite store promises; the rest is in `test_contract`."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import msgspec
import pytest
from anyio import to_thread

from clubai.errors import StorageError
from clubai.model import node_text
from clubai.storage import TaskRow
from clubai.storage.sqlite import SqliteStore
from support.rows import api_key_row, member_row, node_row, task_row

BATCH = 50

APPEND_UNTIL_KILLED = """
import sys
from itertools import count
from pathlib import Path

import anyio

from clubai.storage.sqlite import SqliteStore
from support.rows import task_row


async def main(path: Path, batch: int) -> None:
    async with SqliteStore.open(path) as store:
        for start in count(0, batch):
            rows = [task_row(start + n) for n in range(batch)]
            await store.append_tasks(rows)
            print(start + batch, flush=True)


anyio.run(main, Path(sys.argv[1]), int(sys.argv[2]))
"""


class HeldRows(list[TaskRow]):
    """One row, and no end until the test lets it: a write that stays under way."""

    def __init__(self) -> None:
        super().__init__([task_row(1)])
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def __iter__(self) -> Iterator[TaskRow]:
        yield from super().__iter__()
        self.begun.set()
        assert self.go_on.wait(10)


async def test_everything_is_there_after_reopening(database: Path) -> None:
    member, key, node, task = member_row(), api_key_row(), node_row(), task_row()
    async with SqliteStore.open(database) as store:
        await store.add_member(member)
        await store.bump_token_epoch(member.id)
        await store.add_api_key(key)
        await store.revoke_api_key(key.id, at=77.5)
        await store.put_node(node)
        await store.append_tasks([task])

    async with SqliteStore.open(database) as store:
        epoch_1 = msgspec.structs.replace(member, token_epoch=1)
        assert await store.member_named("ALICE") == epoch_1
        revoked = msgspec.structs.replace(key, revoked_at=77.5)
        assert await store.api_keys_of(key.member) == [revoked]
        assert await store.nodes() == [node]
        assert await store.tasks(limit=9) == [task]


async def test_closing_leaves_one_file_and_the_lock(database: Path) -> None:
    async with SqliteStore.open(database) as store:
        await store.append_tasks([task_row(n) for n in range(100)])
        await store.tasks(limit=3)

    names = sorted(path.name for path in database.parent.iterdir())
    assert names == ["clubai.db", "clubai.db.lock"]


async def test_ids_can_be_read_by_people(database: Path) -> None:
    node, task = node_row("lab"), task_row(255)
    async with SqliteStore.open(database) as store:
        await store.put_node(node)
        await store.append_tasks([task])

    with sqlite3.connect(database) as db:
        found = db.execute("SELECT id FROM nodes UNION ALL SELECT id FROM tasks")
        assert [row[0] for row in found] == [node_text(node.id), "0" * 30 + "ff"]
    db.close()


async def test_kill_loses_nothing_that_was_acknowledged(database: Path) -> None:
    child = await anyio.open_process(
        [sys.executable, "-c", APPEND_UNTIL_KILLED, str(database), str(BATCH)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        stderr=None,
    )
    async with child:
        assert child.stdout is not None
        said = b""
        while said.count(b"\n") < 20:
            said += await child.stdout.receive()
        child.send_signal(signal.SIGKILL)
        async for more in child.stdout:
            said += more
        await child.wait()
    acknowledged = int(said.rpartition(b"\n")[0].split()[-1])

    async with SqliteStore.open(database) as store:
        count = await store.count_tasks()
        rows = await store.tasks(limit=count)

    assert count >= acknowledged >= 20 * BATCH
    assert count % BATCH == 0
    assert rows == [task_row(n) for n in reversed(range(count))]
    with sqlite3.connect(database) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


async def test_call_cancelled_in_its_thread_is_finished(database: Path) -> None:
    rows = HeldRows()
    async with SqliteStore.open(database) as store:
        async with anyio.create_task_group() as group:
            group.start_soon(store.append_tasks, rows)
            await to_thread.run_sync(rows.begun.wait)
            group.cancel_scope.cancel()
            rows.go_on.set()

        assert await store.tasks(limit=9) == [task_row(1)]
        await store.append_tasks([task_row(2)])
        assert await store.count_tasks() == 2


async def test_reading_does_not_wait_for_writing(database: Path) -> None:
    rows = HeldRows()
    async with SqliteStore.open(database) as store:
        await store.append_tasks([task_row(2)])
        async with anyio.create_task_group() as group:
            group.start_soon(store.append_tasks, rows)
            await to_thread.run_sync(rows.begun.wait)
            try:
                with anyio.fail_after(5):
                    assert await store.tasks(limit=9) == [task_row(2)]
            finally:
                rows.go_on.set()

        assert await store.count_tasks() == 2


async def test_closing_waits_for_the_call_under_way(database: Path) -> None:
    rows = HeldRows()
    async with SqliteStore.open(database) as store, anyio.create_task_group() as group:
        group.start_soon(store.append_tasks, rows)
        await to_thread.run_sync(rows.begun.wait)
        group.start_soon(store.aclose)
        await anyio.wait_all_tasks_blocked()
        rows.go_on.set()

    async with SqliteStore.open(database) as store:
        assert await store.tasks(limit=9) == [task_row(1)]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_cancelled_by_asyncio_itself_it_keeps_its_turn(database: Path) -> None:
    import asyncio

    rows = HeldRows()
    async with SqliteStore.open(database) as store:
        call = asyncio.ensure_future(store.append_tasks(rows))
        await to_thread.run_sync(rows.begun.wait)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        async with anyio.create_task_group() as group:
            group.start_soon(store.append_tasks, [task_row(2)])
            await anyio.wait_all_tasks_blocked()
            rows.go_on.set()

        assert await store.tasks(limit=9) == [task_row(2), task_row(1)]


async def test_number_that_does_not_fit_is_refused_whole(database: Path) -> None:
    async with SqliteStore.open(database) as store:
        with pytest.raises(StorageError, match="too large"):
            await store.append_tasks([task_row(1), task_row(2, prompt_tokens=2**63)])

        assert await store.count_tasks() == 0


async def test_row_that_was_tampered_with_is_an_error(database: Path) -> None:
    async with SqliteStore.open(database) as store:
        await store.add_member(member_row("alice"))
        with sqlite3.connect(database) as db:
            db.execute("UPDATE members SET role = 'emperor'")
        db.close()

        with pytest.raises(StorageError, match="role"):
            await store.member_named("alice")


async def test_full_disk_is_said_and_leaves_no_transaction(database: Path) -> None:
    async with SqliteStore.open(database) as store:
        await store.append_tasks([task_row(0)])
        store._files.writer.execute("PRAGMA max_page_count = 1")

        with pytest.raises(StorageError, match="free some space") as failure:
            await store.append_tasks([task_row(n) for n in range(1, 2000)])

        assert failure.value.where == str(database)
        assert not store._files.writer.conn.in_transaction
        assert await store.tasks(limit=9) == [task_row(0)]
