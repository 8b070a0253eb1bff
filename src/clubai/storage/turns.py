"""One connection to the database, and the thread that uses it, call after call.

anyio's threads are for calls that come now and then. A store is called for each answer,
and a thread of its own, that waits on a queue made in C, is woken for half as much.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, Self, TypeVar

import anyio
from sqlite_utils import Database

from clubai.errors import StorageError
from clubai.storage.errors import storage_errors

T = TypeVar("T")


class Turns:
    """Lets one call at a time use a connection, in the order in which they came."""

    def __init__(self, db: Database, where: str) -> None:
        self._db = db
        self._where = where
        self._calls: SimpleQueue[_Call[Any] | None] = SimpleQueue()
        self._turn = anyio.Lock(fast_acquire=True)
        self._closing = False
        self._closed = False

    @classmethod
    def begin(cls, db: Database, where: str) -> Self:
        """Start the thread; `end` ends it, and so does the end of the program."""
        turns = cls(db, where)
        threading.Thread(target=turns._serve, name="storage", daemon=True).start()
        return turns

    async def run(self, job: Callable[[Database], T]) -> T:
        """Run `job` in the thread when it is its turn.

        A cancelled call either has not begun, or is finished and gives what it gives.

        Raises:
            StorageError: the data cannot be read or written, or the store is closed.
        """
        if self._closing:
            raise StorageError(self._where, "the store is closed")
        async with self._turn:
            call = _Call(job)
            self._calls.put(call)
            return await call.ended()

    async def end(self, last: Callable[[], None] = lambda: None) -> None:
        """Refuse every further call, wait for those that came, and run `last`.

        Safe to call twice: the second call waits for the first.
        """
        self._closing = True
        async with self._turn:
            if not self._closed:
                self._closed = True
                call = _Call(lambda _: last())
                self._calls.put(call)
                self._calls.put(None)
                await call.ended()

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            call.run(self._db, self._where)
            del call  # its rows may be many, and the next call long in coming


class _Call(Generic[T]):
    """One job on its way to the thread and back."""

    def __init__(self, job: Callable[[Database], T]) -> None:
        self._job = job
        self._done = anyio.Event()
        self._soon = _from_threads()
        self._result: T
        self._error: BaseException | None = None

    async def ended(self) -> T:
        """What the job returns, or raises; it is waited for whatever comes."""
        with anyio.CancelScope(shield=True):
            await self._done.wait()
        if self._error is not None:
            raise self._error
        return self._result

    def run(self, db: Database, where: str) -> None:
        """Do the job; in the thread."""
        try:
            with storage_errors(where):
                self._result = self._job(db)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._error = error
        with suppress(RuntimeError):  # nobody is left who waits: the loop has ended
            self._soon(self._done.set)


def _from_threads() -> Callable[[Callable[[], object]], object]:
    """How a thread has something called in this event loop."""
    try:
        return asyncio.get_running_loop().call_soon_threadsafe
    except RuntimeError:
        from trio.lowlevel import current_trio_token

        return current_trio_token().run_sync_soon
