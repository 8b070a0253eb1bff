"""A picture of a club that is kept up to date by what its feed gives: pure."""

from __future__ import annotations

from typing import Final

import msgspec

from clubai.client.feed import FeedItem
from clubai.model import (
    ClubSnapshot,
    ClubStats,
    ModelSnapshot,
    NodeSnapshot,
    NodeStanding,
    TaskSnapshot,
)
from clubai.protocol.feed import ClubEvent, FeedSnapshot, FeedStats, StandingChange

MOST_ENDED: Final = 1000
"""Ended tasks that are kept."""
MOST_LOST: Final = 64
"""Lost nodes that are kept."""
_ENDED: Final = ("done", "failed")
_FLAGS: Final[dict[str, dict[str, bool]]] = {
    "suspended": {"suspended": True},
    "reinstated": {"suspended": False},
    "trusted": {"trusted": True},
    "untrusted": {"trusted": False},
}


class Mirror:
    """The club as it was after the last item that was taken."""

    def __init__(self) -> None:
        self.role = ""
        """In which it is seen; empty before the first snapshot."""
        self.stats: ClubStats | None = None
        """None before the first snapshot."""
        self.models: tuple[ModelSnapshot, ...] = ()
        self.nodes: dict[str, NodeSnapshot] = {}
        """By id, those that are lost last."""
        self.live: dict[str, TaskSnapshot] = {}
        """Tasks that are not ended by id, the oldest first."""
        self.ended: dict[str, TaskSnapshot] = {}
        """Tasks that are ended by id, the first to end first."""

    def take(self, item: FeedItem) -> None:
        """Take in what the feed gave; its items in their order, each once."""
        match item:
            case FeedSnapshot():
                self._begin(item)
            case FeedStats():
                self._count(item)
            case ClubEvent(task=TaskSnapshot() as task):
                self._move(task)
            case ClubEvent(node=NodeSnapshot() as node):
                self._place(node, item.what)
            case ClubEvent(standing=StandingChange() as change):
                self._judge(change)

    def snapshot(self) -> ClubSnapshot | None:
        """All of it, as the club itself would show it; None before the first."""
        if self.stats is None:
            return None
        return ClubSnapshot(
            stats=self.stats,
            models=self.models,
            nodes=tuple(self.nodes.values()),
            tasks=(*reversed(self.live.values()), *reversed(self.ended.values())),
        )

    def _begin(self, snapshot: FeedSnapshot) -> None:
        self.role, self.stats = snapshot.role, snapshot.stats
        self.models = snapshot.models
        self.nodes = {node.id: node for node in snapshot.nodes}
        self.live, self.ended = {}, {}
        for task in reversed(snapshot.tasks):
            self._move(task)

    def _count(self, news: FeedStats) -> None:
        self.stats = news.stats
        if news.models is not None:
            self.models = news.models
        for load in news.nodes:
            node = self.nodes.get(load.id)
            if node is not None:
                self.nodes[load.id] = msgspec.structs.replace(
                    node,
                    slots_used=load.slots_used,
                    tokens_per_second=load.tokens_per_second,
                    tasks_done=load.tasks_done,
                    tasks_failed=load.tasks_failed,
                    seen_at=load.seen_at,
                )

    def _move(self, task: TaskSnapshot) -> None:
        if task.state not in _ENDED:
            self.live[task.id] = task
            return
        self.live.pop(task.id, None)
        self.ended[task.id] = task
        if len(self.ended) > MOST_ENDED:
            del self.ended[next(iter(self.ended))]

    def _place(self, node: NodeSnapshot, what: str) -> None:
        if what in ("joined", "left", "lost"):
            self.nodes.pop(node.id, None)
        if what == "left":
            return
        self.nodes[node.id] = node
        if what == "lost":
            self._trim()
        elif what == "joined":
            self._sink()

    def _sink(self) -> None:
        """Bring those that are lost to the end, where the club shows them."""
        for node in [node for node in self.nodes.values() if node.state == "lost"]:
            self.nodes[node.id] = self.nodes.pop(node.id)

    def _trim(self) -> None:
        lost = [node.id for node in self.nodes.values() if node.state == "lost"]
        for node_id in lost[:-MOST_LOST]:
            del self.nodes[node_id]

    def _judge(self, change: StandingChange) -> None:
        node = self.nodes.get(change.node)
        if node is None:
            return
        before = node.standing or NodeStanding(points=0, held=0)
        self.nodes[change.node] = msgspec.structs.replace(
            node,
            standing=msgspec.structs.replace(
                before,
                points=change.total,
                held=before.held + change.held,
                **_FLAGS.get(change.change, {}),
            ),
        )
