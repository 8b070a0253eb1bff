"""A bell: wakes one task, again and again, on either event loop.

An `anyio.Event` is set once, and making a new one for every wake costs more than the
wake. Nearly every hop of a record from one task to the next is such a wake.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Bell:
    """Wakes the one task that waits; a ring that nobody waits for is kept, as one."""

    __slots__ = ("_rung", "_wake")

    def __init__(self) -> None:
        self._rung = False
        self._wake: Callable[[], None] | None = None

    def ring(self) -> None:
        """Wake whoever waits, or the next one who will."""
        self._rung = True
        wake, self._wake = self._wake, None
        if wake is not None:
            wake()

    async def wait(self) -> None:
        """Wait for a ring, and take it; at once, without a checkpoint, if it has rung.

        A cancelled wait leaves the ring to the next one.
        """
        while not self._rung:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                await self._sleep_on_trio()
            else:
                await self._sleep_on_asyncio(loop.create_future())
        self._rung = False

    async def _sleep_on_asyncio(self, woken: asyncio.Future[None]) -> None:
        def wake() -> None:
            if not woken.done():  # its task may have been cancelled just before
                woken.set_result(None)

        self._wake = wake
        try:
            await woken
        finally:
            self._wake = None

    async def _sleep_on_trio(self) -> None:
        from trio import lowlevel

        task = lowlevel.current_task()

        def abort(_: object) -> lowlevel.Abort:
            self._wake = None
            return lowlevel.Abort.SUCCEEDED

        self._wake = lambda: lowlevel.reschedule(task)
        await lowlevel.wait_task_rescheduled(abort)
