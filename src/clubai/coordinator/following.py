"""One follower of the club's events: what it missed, then what comes.

A follower reads on in the ring from where it was; it has no queue of its own. One that
does not keep up until its place in the ring is overwritten is dropped, and finds a gap
when it comes again. A stop between two sends lets events that come close together go
out together, so that a busy club is not woken for each of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, Self

import anyio
import msgspec

from clubai.coordinator.grants import Member
from clubai.coordinator.happenings import Happenings
from clubai.model import ClubStats, ModelSnapshot, NodeSnapshot
from clubai.protocol.feed import FeedGap, FeedStats, NodeLoad, Position, feed_frame
from clubai.transport.bell import Bell

TOGETHER_SECONDS: Final = 0.1
"""Between two sends to one follower."""
STATS_SECONDS: Final = 0.5
"""Between two looks at the counts, for one follower."""
MOST_AT_ONCE: Final = 1000
"""Events in one send."""


class Counts:
    """Says what changed of the club's counts since it was last asked."""

    def __init__(
        self,
        stats: Callable[[], ClubStats],
        nodes: Callable[[], Sequence[NodeSnapshot]],
        models: Callable[[], tuple[ModelSnapshot, ...]],
    ) -> None:
        self._stats = stats
        self._nodes = nodes
        self._models = models
        self._last_models: tuple[ModelSnapshot, ...] | None = None
        self._last: ClubStats | None = None
        self._seen: dict[str, NodeSnapshot] = {}

    def news(self, seq: int) -> FeedStats | None:
        """The counts, after event `seq`; None: they are as they were."""
        stats, last = self._stats(), self._last
        seen = {node.id: node for node in self._nodes()}
        changed = tuple(
            _load(node)
            for node in seen.values()
            if self._seen.get(node.id) is not node  # a node's is made anew on a change
        )
        self._seen = seen
        same = last is not None and msgspec.structs.replace(last, now=stats.now)
        models = self._models()
        news = None if models == self._last_models else models
        if same == stats and not changed and news is None:
            return None
        self._last, self._last_models = stats, models
        return FeedStats(seq=seq, stats=stats, nodes=changed, models=news)


class Follower:
    """The server-sent events that one follower gets, a few in each piece."""

    def __init__(
        self,
        happenings: Happenings,
        counts: Counts,
        member: Member,
        since: Position | None,
    ) -> None:
        self._happenings = happenings
        self._counts = counts
        self.member = member
        self.over = False
        """It may not go on."""
        self._bell = Bell()
        self._since = since
        self._at: Position | None = None
        """None: it has not begun."""
        self._counted_at = -math.inf

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._at is not None:
            await anyio.sleep(TOGETHER_SECONDS)
        while not self.over:
            piece = self._piece() if self._at else self._begin()
            if piece:
                return piece
            with anyio.move_on_after(STATS_SECONDS):
                await self._happenings.changed(self._bell)
        raise StopAsyncIteration

    def end(self) -> None:
        """Send nothing more."""
        self.over = True
        self._bell.ring()

    def _begin(self) -> bytes:
        now = self._happenings.position(self.member)
        since = self._since or now
        reason = self._happenings.gap(since, self.member)
        if not reason:
            self._at = since
            return self._piece()
        self._at = now
        gap = FeedGap(boot=now.boot, seq=now.seq, reason=reason)
        return feed_frame(gap, now) + self._piece()

    def _piece(self) -> bytes:
        """What there is to send; empty: nothing, or it was too slow and is over."""
        frames = self._events()
        if self._at is not None and self._at.seq == self._happenings.ring.last:
            frames += self._news(self._at)
        return b"".join(frames)

    def _events(self) -> list[bytes]:
        assert self._at is not None  # noqa: S101 - whoever calls has begun
        ring = self._happenings.ring
        if not ring.has_after(self._at.seq):
            self.end()
            return []
        frames: list[bytes] = []
        while self._at.seq < ring.last and len(frames) < MOST_AT_ONCE:
            events, seq = self._happenings.read(self._at.seq, MOST_AT_ONCE, self.member)
            boot = self._at.boot
            self._at = Position(boot, seq)
            frames += [feed_frame(event, Position(boot, event.seq)) for event in events]
        return frames

    def _news(self, at: Position) -> list[bytes]:
        now = anyio.current_time()
        if now < self._counted_at + STATS_SECONDS:
            return []
        self._counted_at = now
        news = self._counts.news(at.seq)
        return [] if news is None else [feed_frame(news, at)]


def _load(node: NodeSnapshot) -> NodeLoad:
    return NodeLoad(
        id=node.id,
        slots_used=node.slots_used,
        tokens_per_second=node.tokens_per_second,
        tasks_done=node.tasks_done,
        tasks_failed=node.tasks_failed,
        seen_at=node.seen_at,
    )
