"""Calls of one connection: their order, their errors, and calls that are cancelled."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import anyio
import pytest
from anyio import to_thread
from sqlite_utils import Database

from clubai.errors import StorageError
from clubai.storage.turns import Turns


@asynccontextmanager
async def turns() -> AsyncIterator[Turns]:
    db = Database(sqlite3.connect(":memory:", check_same_thread=False))
    begun = Turns.begin(db, "here")
    try:
        yield begun
    finally:
        await begun.end(db.close)


class Held:
    """A job that goes on until the test lets it end."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.finished = False

    def __call__(self, _: Database) -> str:
        self.begun.set()
        assert self.go_on.wait(10)
        self.finished = True
        return "done"


async def test_a_call_gives_what_the_job_returns() -> None:
    async with turns() as store:
        found = await store.run(lambda db: db.execute("SELECT 6 * 7").fetchone())

        assert found == (42,)


async def test_calls_come_in_their_order_one_at_a_time() -> None:
    order: list[int] = []
    threads: set[int] = set()

    def job(number: int, _: Database) -> None:
        threads.add(threading.get_ident())
        order.append(number)

    async with turns() as store:
        held = Held()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.run, held)
            await to_thread.run_sync(held.begun.wait)
            for number in range(20):
                tasks.start_soon(store.run, partial(job, number))
                await anyio.wait_all_tasks_blocked()
            assert order == []
            held.go_on.set()

    assert order == list(range(20))
    assert len(threads) == 1


async def test_what_a_job_raises_is_raised_and_the_next_one_runs() -> None:
    def broken(_: Database) -> None:
        raise ZeroDivisionError

    async with turns() as store:
        with pytest.raises(ZeroDivisionError):
            await store.run(broken)
        with pytest.raises(StorageError, match="no such table"):
            await store.run(lambda db: db.execute("SELECT * FROM nowhere"))

        assert await store.run(lambda _: "well") == "well"


async def test_a_call_that_is_cancelled_before_its_turn_is_not_made() -> None:
    held, late = Held(), Held()
    async with turns() as store, anyio.create_task_group() as tasks:
        tasks.start_soon(store.run, held)
        await to_thread.run_sync(held.begun.wait)
        with anyio.move_on_after(0.01) as waited:
            await store.run(late)
        held.go_on.set()
        await store.run(lambda _: None)

    assert waited.cancelled_caught
    assert held.finished
    assert not late.begun.is_set()


async def test_a_call_that_is_cancelled_in_its_turn_gives_what_it_gives() -> None:
    held = Held()

    async def cancel(scope: anyio.CancelScope) -> None:
        await to_thread.run_sync(held.begun.wait)
        scope.cancel()
        await anyio.wait_all_tasks_blocked()
        held.go_on.set()

    async with turns() as store, anyio.create_task_group() as tasks:
        found = None
        with anyio.CancelScope() as scope:
            tasks.start_soon(cancel, scope)
            found = await store.run(held)
            await anyio.sleep_forever()

        assert scope.cancelled_caught
        assert found == "done"


async def test_the_end_waits_for_the_calls_that_came_and_refuses_others() -> None:
    held, closed = Held(), threading.Event()
    store = Turns.begin(Database(memory=True), "here")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.run, held)
        await to_thread.run_sync(held.begun.wait)
        tasks.start_soon(store.end, closed.set)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(StorageError, match="closed"):
            await store.run(lambda _: None)
        assert not closed.is_set()
        held.go_on.set()

    assert held.finished
    assert closed.is_set()
    await store.end(closed.clear)
    assert closed.is_set()


async def test_the_thread_ends_with_the_last_call() -> None:
    before = set(threading.enumerate())
    async with turns() as store:
        [thread] = set(threading.enumerate()) - before
        await store.run(lambda _: None)

    await to_thread.run_sync(thread.join, 10)
    assert not thread.is_alive()


async def test_a_second_end_waits_for_the_first() -> None:
    held = Held()
    store = Turns.begin(Database(memory=True), "here")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.end, partial(held, store._db))
        await to_thread.run_sync(held.begun.wait)
        with anyio.move_on_after(0.01) as waited:
            await store.end()
        held.go_on.set()
        await store.end()

    assert waited.cancelled_caught
    assert held.finished


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_end_that_asyncio_itself_cancels_is_an_end() -> None:
    import asyncio

    held, closed = Held(), threading.Event()
    store = Turns.begin(Database(memory=True), "here")
    call = asyncio.ensure_future(store.run(held))
    await to_thread.run_sync(held.begun.wait)
    end = asyncio.ensure_future(store.end(closed.set))
    await anyio.wait_all_tasks_blocked()
    end.cancel()
    held.go_on.set()
    await call
    with pytest.raises(asyncio.CancelledError):
        await end
    await store.end(closed.set)

    assert await to_thread.run_sync(closed.wait, 10)
