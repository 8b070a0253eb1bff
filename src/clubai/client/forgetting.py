"""Tasks that forget what they were about when they are cancelled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from anyio import get_cancelled_exc_class


async def forgetting(work: Callable[[], Awaitable[None]]) -> None:
    """Do `work` as a task of its own.

    On asyncio a task group makes a reference cycle of each task that is cancelled and
    its traceback: the frames of `work`, and the prompt in them, would live until the
    collector runs.
    """
    try:
        await work()
    except get_cancelled_exc_class() as cancelled:
        del work
        cancelled.__context__ = None
        raise cancelled.with_traceback(None)  # noqa: B904 - it is the same one
