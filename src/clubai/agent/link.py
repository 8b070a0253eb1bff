"""How the agent stands with its coordinator: there, lost and why, and when it tries."""

from __future__ import annotations

import msgspec

from clubai.agent.view import LinkView

LONGEST_REASON = 300
"""Characters: a coordinator may say more."""


class Link:
    """The connection as whoever looks is told of it; times are Unix seconds."""

    def __init__(self, url: str) -> None:
        self.view = LinkView(url=url)
        """As it is now."""
        self.joined_before = False
        """The node was in the club, on this connection or an earlier one."""

    def joined(self, now: float) -> None:
        """The club has taken the node in."""
        self.joined_before = True
        self.view = msgspec.structs.replace(
            self.view, connected_at=now, retry_at=0.0, failures=0
        )

    def lost(self, reason: str, *, retry_at: float, now: float) -> None:
        """The connection ended, or the try to make one; the next is at `retry_at`."""
        self.view = msgspec.structs.replace(
            self.view,
            connected_at=0.0,
            lost_at=now,
            lost_reason=reason[:LONGEST_REASON],
            retry_at=retry_at,
            failures=self.view.failures + 1,
        )

    def trying(self) -> None:
        """The next try is under way."""
        self.view = msgspec.structs.replace(self.view, retry_at=0.0)

    @property
    def connected(self) -> bool:
        """Whether the node is in the club now."""
        return self.view.connected_at > 0
