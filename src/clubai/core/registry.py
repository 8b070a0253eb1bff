"""The nodes that are here, and the models that they bring.

```
joined -> alive -- silent 25 s -> suspect -- silent 45 s -> lost (dropped, forgotten)
            ^----- heartbeat --------'        left: forgotten
paused and draining are the node's own word, held is its owner's at the coordinator:
it gets no new work, and keeps what it has
```

Everything that changes a node lives here, and goes through one pair of steps: take the
node off its shelves, change it, put it back (`_withdraw`, `_deposit`). So the counts
and the order on the shelves are never out of step. A heartbeat that says nothing new
skips that. Costs: O(models of the node x log nodes) for a change, O(1) for a heartbeat.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from clubai.core.deadlines import Deadlines
from clubai.core.events import NodeJoined, NodeReported
from clubai.core.limits import CoordinatorLimits
from clubai.core.nodes import Hold, Node, node_snapshot
from clubai.core.pools import (
    Gone,
    ModelPool,
    Place,
    Shelf,
    claimed_speed,
    shape_of,
)
from clubai.core.speeds import Sample, Speed, average
from clubai.model import (
    ModelOffer,
    ModelSnapshot,
    NodeId,
    NodeSnapshot,
    NodeStanding,
    TaskId,
    node_text,
)

WAKE_GRAIN_S: Final = 0.5
"""Nodes are looked at together, at most twice a second however many they are."""
MAX_EMPTY_POOLS: Final = 1024
"""Models without a node that are remembered."""
MAX_SHELVES: Final = 64
"""Shapes of one model beyond which those without a node are not remembered."""
MAX_LOST_SHOWN: Final = 64


class Registry:
    """All nodes, and the models that they bring."""

    def __init__(self, limits: CoordinatorLimits) -> None:
        self._limits = limits
        self.nodes: dict[NodeId, Node] = {}
        self.pools: dict[str, ModelPool] = {}
        self.lost: dict[NodeId, NodeSnapshot] = {}
        """Silent nodes that were dropped, for whoever looks; oldest first."""
        self.held: dict[NodeId, Hold] = {}
        """Those that their owners keep new work from, here or not."""
        self.deadlines: Deadlines[NodeId] = Deadlines(grain_s=WAKE_GRAIN_S)
        self.alive = 0
        self.slots = 0
        self.slots_used = 0
        self._models: tuple[ModelSnapshot, ...] | None = ()
        self._empty: dict[str, None] = {}
        """Pools without a node, the longest so first."""

    def join(self, event: NodeJoined, now: float) -> Node:
        """Take in a node that is not here."""
        node = Node(
            id=event.node,
            text=node_text(event.node),
            name=event.name,
            owner=event.owner,
            backend=event.backend,
            program=event.program,
            vram_gb=event.vram_gb,
            joined_at=now,
            seen_at=now,
            slots=max(event.slots, 0),
            held=self.held.get(event.node),
        )
        self.nodes[node.id] = node
        self.lost.pop(node.id, None)
        self._place(node, event.models)
        self._deposit(node)
        self.watch(node)
        return node

    def report(self, node: Node, event: NodeReported, now: float) -> bool:
        """Take a heartbeat in; False when it says nothing new."""
        node.seen_at = now
        node.snapshot = None
        slots = max(event.slots, 0)
        if (
            node.slots == slots
            and node.paused == event.paused
            and node.draining == event.draining
            and not node.silent
            and not node.refusing
            and node.models == event.models
        ):
            return False
        self._withdraw(node)
        node.slots, node.paused, node.draining = slots, event.paused, event.draining
        node.silent = node.refusing = False
        left = self._place(node, event.models) if node.models != event.models else []
        self._deposit(node)
        for shelf in left:
            self._vacate(shelf, now, keep=False)
        return True

    def hold(self, node_id: NodeId, held: Hold | None) -> bool:
        """Keep new work from a node, here or not; None: no longer. False: as before."""
        if self.held.get(node_id) == held:
            return False
        if held is None:
            del self.held[node_id]
        else:
            self.held[node_id] = held
        node = self.nodes.get(node_id)
        if node is not None:
            self._withdraw(node)
            node.held = held
            self._deposit(node)
        return True

    def remove(self, node: Node, now: float) -> None:
        """Forget a node; what it had stays known for a while."""
        self._withdraw(node)
        del self.nodes[node.id]
        self.deadlines.forget(node.id)
        for place in node.places.values():
            pool = place.shelf.pool
            pool.leave(node.id, node.owner, place.quantization)
            pool.gone.pop(node.id, None)
            pool.gone[node.id] = Gone(now, place.shelf.shape)
            self._trim(pool, now)
            self._vacate(place.shelf, now, keep=True)

    def suspect(self, node: Node) -> None:
        """Give a silent node no more work."""
        self._withdraw(node)
        node.silent = True
        self._deposit(node)

    def lose(self, node: Node, now: float) -> None:
        """Forget a node that stayed silent, and show it as lost for a while."""
        self.remove(node, now)
        self.lost[node.id] = node_snapshot(node, "lost")
        self.deadlines.wake(node.id, by=now + self._limits.show_lost_s)
        if len(self.lost) > MAX_LOST_SHOWN:
            oldest = next(iter(self.lost))
            del self.lost[oldest]
            self.deadlines.forget(oldest)

    def judge(self, node: Node, *, barred: bool, standing: NodeStanding) -> None:
        """Take in how a node stands now."""
        if node.barred != barred:
            self._withdraw(node)
            node.barred = barred
            self._deposit(node)
        node.standing = standing
        node.snapshot = None

    def watch(self, node: Node) -> None:
        """Ask for a look at the node when its silence would next mean something."""
        limits = self._limits
        silence_s = limits.lost_after_s if node.silent else limits.suspect_after_s
        self.deadlines.wake(node.id, by=node.seen_at + silence_s)

    def lease(self, node: Node, task: TaskId, attempt: int) -> None:
        """Give the node's slot to an attempt."""
        self._withdraw(node)
        node.leases[task] = attempt
        self._deposit(node)

    def release(self, node: Node, task: TaskId) -> None:
        """Free the slot, whatever became of the attempt."""
        self._withdraw(node)
        del node.leases[task]
        self._deposit(node)

    def finish(self, node: Node, task: TaskId, model: str, sample: Sample) -> None:
        """Free the slot of an attempt that ended well, and learn from it."""
        self._withdraw(node)
        del node.leases[task]
        node.refusing = False
        node.failed_in_row = 0
        node.tasks_done += 1
        if sample.tokens_per_second:
            node.tokens_per_second = average(
                node.tokens_per_second, sample.tokens_per_second
            )
        place = node.places.get(model)
        if place is not None:
            if place.speed is None:
                place.speed = Speed()
            place.speed.add(sample)
            place.shelf.pool.pace.add(sample)
        self._deposit(node)

    def fail(self, node: Node, task: TaskId, *, busy: bool) -> None:
        """Free the slot of an attempt that the node failed or, `busy`, refused."""
        self._withdraw(node)
        del node.leases[task]
        if busy:
            node.refusing = True
        else:
            node.failed_in_row += 1
            node.tasks_failed += 1
        self._deposit(node)

    def pool(self, model: str, now: float) -> ModelPool | None:
        """Find what is known of a model; None: the club does not know it."""
        pool = self.pools.get(model)
        if pool is None:
            return None
        if not pool.members and now > pool.offered_at + self._limits.remember_model_s:
            del self.pools[model], self._empty[model]
            return None
        return pool

    def known_shelves(self, pool: ModelPool, now: float) -> list[Shelf]:
        """The shapes in which the model is offered, or was lately."""
        since = now - self._limits.remember_model_s
        return [
            shelf
            for shelf in pool.shelves.values()
            if shelf.members or shelf.left_at >= since
        ]

    def returning(self, pool: ModelPool, now: float) -> Iterator[tuple[NodeId, Gone]]:
        """Nodes that were here a moment ago, the latest first."""
        self._trim(pool, now)
        return reversed(pool.gone.items())

    def model_snapshots(self) -> tuple[ModelSnapshot, ...]:
        """The models that nodes offer, by name; made again only after a change."""
        if self._models is None:
            self._models = tuple(
                self.pools[name].snapshot()
                for name in sorted(self.pools)
                if self.pools[name].members
            )
        return self._models

    def node_snapshots(self) -> tuple[NodeSnapshot, ...]:
        """The nodes in the order in which they came, then those lately lost."""
        here = [self.node_snapshot(node) for node in self.nodes.values()]
        return (*here, *self.lost.values())

    def node_snapshot(self, node: Node) -> NodeSnapshot:
        """A node as it is now."""
        if node.snapshot is None:
            node.snapshot = node_snapshot(node, node.state)
        return node.snapshot

    def _place(self, node: Node, models: tuple[ModelOffer, ...]) -> list[Shelf]:
        """Choose the shelves of a withdrawn node anew; give those that it leaves."""
        before = node.places
        for place in before.values():
            place.shelf.pool.leave(node.id, node.owner, place.quantization)
        node.models = models
        node.places = {}
        for offer in models:
            if offer.name in node.places:
                continue
            pool = self.pools.get(offer.name)
            if pool is None:
                pool = self.pools[offer.name] = ModelPool(offer.name)
            self._empty.pop(offer.name, None)
            pool.gone.pop(node.id, None)
            earlier = before.get(offer.name)
            pool.enter(node.id, node.owner, offer.quantization)
            node.places[offer.name] = Place(
                shelf=pool.shelf(shape_of(offer)),
                claimed=claimed_speed(offer),
                quantization=offer.quantization,
                speed=earlier.speed if earlier else None,
            )
        stays = {place.shelf for place in node.places.values()}
        return [place.shelf for place in before.values() if place.shelf not in stays]

    def _vacate(self, shelf: Shelf, now: float, *, keep: bool) -> None:
        """Note that a node left a shelf: one that is empty now may be dropped.

        What a gone node could do is kept (`keep`): it may come back. What a node that
        is here no longer offers is not.
        """
        pool = shelf.pool
        shelf.left_at = pool.offered_at = now
        if not shelf.members and (not keep or len(pool.shelves) > MAX_SHELVES):
            del pool.shelves[shelf.shape]
        if pool.members:
            return
        self._empty.pop(pool.name, None)
        self._empty[pool.name] = None
        if len(self._empty) > MAX_EMPTY_POOLS:
            oldest = next(iter(self._empty))
            del self._empty[oldest], self.pools[oldest]

    def _trim(self, pool: ModelPool, now: float) -> None:
        """Forget the gone nodes that will not be waited for any longer."""
        while pool.gone:
            node, gone = next(iter(pool.gone.items()))
            if now < gone.at + self._limits.returning_s:
                return
            del pool.gone[node]

    def _withdraw(self, node: Node) -> None:
        """Take the node out of every count, before it changes."""
        load = node.load
        for place in node.places.values():
            place.shelf.take(place, load)
        self.alive -= not node.silent
        self.slots -= load.slots
        self.slots_used -= load.used
        self._models = None
        node.snapshot = None

    def _deposit(self, node: Node) -> None:
        """Put the node into every count, as it is now."""
        load = node.load
        for place in node.places.values():
            place.shelf.put(place, load)
        self.alive += not node.silent
        self.slots += load.slots
        self.slots_used += load.used
        self._models = None
