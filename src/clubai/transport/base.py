"""What every adapter shares: the seam, its limits and its ways to end.

The seam is `anyio.abc.ObjectStream[bytes]`, one whole message per item. Many tasks may
send at once; one may receive. Out of an adapter come only

- `EndOfStream`: the other side ended the connection and said so;
- `BrokenResourceError`: it ended in any other way;
- `ClosedResourceError`: this side had closed it;
- `LocalProtocolError`: `send` was given a message over the limit; nothing was sent.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import anyio
from anyio.abc import ObjectStream

from clubai.errors import LocalProtocolError
from clubai.protocol.messages import MAX_MESSAGE_BYTES, CloseCode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import TaskGroup

CLOSE_TIMEOUT_S: Final = 2.0
"""How long `aclose` may take, whatever the peer does."""

SEND_TIMEOUT_S: Final = 10.0
"""A peer that takes nothing for so long is dropped."""

NORMAL_CLOSURE: Final = 1000
ABNORMAL_CLOSURE: Final = 1006
_CLEAN: Final = frozenset(
    (NORMAL_CLOSURE, CloseCode.GOING_AWAY, 1005, CloseCode.RESTARTING)
)


class MessageStream(ObjectStream[bytes]):
    """A stream of whole messages of at most `max_message_bytes` each."""

    def __init__(self, max_message_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._max_message_bytes = max_message_bytes

    def _check_size(self, item: bytes) -> None:
        if len(item) > self._max_message_bytes:
            raise LocalProtocolError(
                f"a message of {len(item)} bytes is over the limit of "
                f"{self._max_message_bytes}"
            )

    async def send_many(self, items: list[bytes]) -> None:
        """Send messages in order; some streams carry them together."""
        for item in items:
            await self.send(item)

    async def send_eof(self) -> None:
        """Not supported: a WebSocket cannot be closed in one direction only."""
        raise NotImplementedError("a message stream cannot be half-closed: use aclose")


def ending(code: int, reason: str) -> anyio.EndOfStream | anyio.BrokenResourceError:
    """Return what the receiver gets after a WebSocket closed with `code`."""
    if code in _CLEAN:
        return anyio.EndOfStream()
    text = f"closed with code {code}"
    return anyio.BrokenResourceError(f"{text}: {reason}" if reason else text)


@asynccontextmanager
async def background_tasks() -> AsyncIterator[TaskGroup]:
    """Open a task group for tasks that never raise and end with the block.

    What the block raises comes out as it is, not in an exception group.
    """
    raised: BaseException | None = None
    try:
        async with anyio.create_task_group() as tasks:
            try:
                yield tasks
            except BaseException as error:
                raised = error
                raise
            finally:
                tasks.cancel_scope.cancel()
    except BaseExceptionGroup:
        if raised is None:
            raise
        raise raised from raised.__cause__
