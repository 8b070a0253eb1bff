"""A bounded mailbox between the connection's reader and whoever follows one task."""

from __future__ import annotations

from collections import deque
from typing import Final

from clubai.errors import ClubAIError
from clubai.protocol.messages import ToClient
from clubai.transport.bell import Bell

MAX_WAITING: Final = 4096
"""Messages; a follower that falls further behind loses its task."""


class Mailbox:
    """Messages in order, then an error if there is one; one taker."""

    def __init__(self) -> None:
        self._messages: deque[ToClient] = deque()
        self._error: ClubAIError | None = None
        self._arrived = Bell()

    def put(self, message: ToClient) -> bool:
        """Add a message; False when the taker is too far behind."""
        if len(self._messages) >= MAX_WAITING:
            return False
        self._messages.append(message)
        self._arrived.ring()
        return True

    def fail(self, error: ClubAIError) -> None:
        """End the mailbox: `error` is raised once the messages are taken."""
        if self._error is None:
            self._error = error
        self._arrived.ring()

    async def take(self) -> ToClient:
        """Wait for the next message. Raises what `fail` was given."""
        while not self._messages:
            if self._error is not None:
                raise self._error
            await self._arrived.wait()
        return self._messages.popleft()
