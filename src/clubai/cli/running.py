"""Run an async main: the event loop, signals, readiness, and the end with a parent.

The first SIGINT or SIGTERM cancels the main once and gives it `GRACE_S` to end; the
second one, or the end of that time, ends the process as it stands.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from importlib.util import find_spec
from typing import Final, Literal, NoReturn, TypeVar

import anyio
from anyio.abc import TaskStatus

from clubai.cli.boundary import FAILED, Stopped

T = TypeVar("T")
Loop = Literal["asyncio", "trio"]

GRACE_S: Final = 4.7
"""From the first signal to the hard end: people are promised five seconds."""


def run(main: Callable[[], Awaitable[T]], *, loop: Loop = "asyncio") -> T:
    """Run `main` to its end.

    Raises:
        Stopped: a signal ended it first.
    """
    options = {"use_uvloop": True} if loop == "asyncio" and find_spec("uvloop") else {}
    stop = _Stop()
    try:
        return anyio.run(_signalled, main, stop, backend=loop, backend_options=options)
    finally:
        stop.done()


def run_until_stopped(
    main: Callable[[], Awaitable[None]], *, loop: Loop = "asyncio"
) -> None:
    """Run `main`, for which being stopped is the normal end."""
    with contextlib.suppress(Stopped):
        run(main, loop=loop)


def end_with_stdin() -> None:
    """Send SIGTERM to this process when its stdin ends.

    The parent holds the other end of the pipe, so this also holds when the parent is
    killed. A thread watches, so that a blocked event loop does not matter.
    """

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="end-with-stdin", daemon=True).start()


def spare_collections() -> None:
    """Collect garbage less often from here on, and never what there is by now.

    For a program that serves for long: what it loaded stays, and what a request makes
    is gone without the collector.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@contextlib.contextmanager
def end_in_time() -> Iterator[None]:
    """What is in the block ends within `GRACE_S`, or the process ends as it stands."""
    watchdog = threading.Timer(GRACE_S, _give_up)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


def notify_ready() -> None:
    """Tell systemd that the program is ready, when systemd wants to know."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify,
    ):
        notify.sendto(b"READY=1", address)


class _Stop:
    """What the first signal set going; `signum` is 0 until there is one."""

    def __init__(self) -> None:
        self.signum = 0
        self._watchdog = threading.Timer(GRACE_S, _give_up)
        self._watchdog.daemon = True

    def begin(self, signum: int) -> None:
        """Give the main its time to end."""
        self.signum = signum
        self._watchdog.start()

    def done(self) -> None:
        """The main has ended."""
        self._watchdog.cancel()


async def _signalled(main: Callable[[], Awaitable[T]], stop: _Stop) -> T:
    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            await tasks.start(_watch_signals, scope, stop)
            result = await main()
        tasks.cancel_scope.cancel()
    if scope.cancelled_caught:
        raise Stopped(stop.signum)
    return result


async def _watch_signals(
    scope: anyio.CancelScope, stop: _Stop, *, task_status: TaskStatus[None]
) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for signum in signals:
            if stop.signum:
                os._exit(128 + signum)
            stop.begin(signum)
            scope.cancel()


def _give_up() -> NoReturn:
    sys.stderr.write(f"clubai: did not stop within {GRACE_S} s\n")
    os._exit(FAILED)
