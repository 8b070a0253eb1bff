"""How much one member may ask at once, and how much the gateway holds for all.

Pure: the time is an argument. One `MemberBudget` counts one member's requests; the
coordinator's fair queue, not this, shares the nodes out among members.
"""

from __future__ import annotations

from typing import Final

import msgspec

from clubai.errors import RateLimited, TaskRejected
from clubai.model import FailCode
from clubai.protocol.openai import MAX_SECONDS

_TRY_AGAIN_SECONDS: Final = 1.0


class GatewayLimits(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Bounds of one gateway. Times are in seconds, sizes in bytes."""

    max_body_bytes: int = 8 << 20
    """Of one request."""
    max_held_bytes: int = 512 << 20
    """Of the bodies of all requests that are under way, as sent and as decoded."""
    body_s: float = 30.0
    """How long a request's body may take to arrive."""
    wait_s: float = 300.0
    """How long a request may be queued, unless it says so itself."""
    deadline_s: float = 600.0
    """How long a request may take altogether, unless it says so itself."""
    longest_s: float = 3600.0
    """The most that a request may say for either."""
    ping_s: float = 15.0
    """A stream that is silent for so long gets a comment, so that nothing between
    here and the reader takes it for dead."""
    requests_per_minute: int = 12_000
    """Of one member; as many may come in one burst."""
    requests_at_once: int = 256
    """Of one member."""

    def __post_init__(self) -> None:
        for field in self.__struct_fields__:
            value = getattr(self, field)
            if value <= 0:
                msg = f"{field} is {value}, it must be above 0"
                raise ValueError(msg)
        if self.longest_s > MAX_SECONDS:
            msg = (
                f"longest_s is {self.longest_s}, at most {MAX_SECONDS:.0f} is possible"
            )
            raise ValueError(msg)


class Standing(msgspec.Struct, frozen=True):
    """What a member has left after the request that was just let in."""

    limit: int
    remaining: int
    reset_s: float
    """Until all of `limit` is there again."""


class MemberBudget:
    """One member's requests: a bucket that refills evenly, and those under way."""

    def __init__(self, limits: GatewayLimits, *, now: float) -> None:
        self._most = limits.requests_per_minute
        self._at_once = limits.requests_at_once
        self._rate = limits.requests_per_minute / 60
        self._tokens = float(self._most)
        self._at = now
        self.under_way = 0

    def enter(self, now: float) -> Standing:
        """Let one request in; `leave` when it is done.

        Raises:
            RateLimited: there is nothing left.
        """
        if self.under_way >= self._at_once:
            what = f"requests at once (at most {self._at_once})"
            raise RateLimited(what, _TRY_AGAIN_SECONDS)
        passed = max(now - self._at, 0.0)
        self._tokens = min(self._tokens + passed * self._rate, float(self._most))
        self._at = max(now, self._at)
        if self._tokens < 1:
            what = f"requests (at most {self._most} a minute)"
            raise RateLimited(what, (1 - self._tokens) / self._rate)
        self._tokens -= 1
        self.under_way += 1
        return Standing(
            self._most, int(self._tokens), (self._most - self._tokens) / self._rate
        )

    def leave(self) -> None:
        """One request is done."""
        self.under_way -= 1


class HeldBytes:
    """The bodies that the gateway holds for requests under way."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0

    def take(self, size: int) -> None:
        """Hold `size` bytes more.

        Raises:
            TaskRejected: there is no room for them.
        """
        if self.held + size > self._most:
            raise TaskRejected(
                FailCode.QUEUE_FULL,
                "the gateway holds as many requests as it has memory for",
                retry_after=_TRY_AGAIN_SECONDS,
            )
        self.held += size

    def give_back(self, size: int) -> None:
        """Let go of `size` bytes."""
        self.held -= size
