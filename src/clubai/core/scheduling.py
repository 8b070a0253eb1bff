"""Which node takes a task, and which task a free node takes.

`eligible` filters, `rank` orders, the least is best. The two questions keep each other
cheap: after every event no waiting task could use a free warm slot, so a new task looks
only at free nodes, and a freed node looks only at waiting tasks.

- a task looks for a node: O(shapes of the model + excluded nodes), and the best
  `CANDIDATES` free nodes of each fitting shape are ranked for it. The order of a shelf
  is for an answer of `REFERENCE_TOKENS`, so the choice is exact among few free nodes
  and very nearly the best among thousands;
- a node looks for a task: O(members that wait for one of its models), beside tasks
  that it may not take.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

from clubai.core.commands import WaitReason
from clubai.core.limits import CoordinatorLimits
from clubai.core.nodes import Node
from clubai.core.pools import IdleKey, ModelPool, Place, Shape
from clubai.core.registry import Registry
from clubai.core.standing import Standing
from clubai.core.tasks import Task
from clubai.core.waiting import FairQueue
from clubai.model import NodeId

CANDIDATES: Final = 16
ALIKE: Final = 1.5
"""Nodes that take no longer than so many times the best are drawn from by standing."""
MAX_RETRY_AFTER_S: Final = 120.0


class Openings(NamedTuple):
    """How many nodes could take a task, free or not."""

    warm: int
    cold: int
    silent: int
    """Not heard from at present, warm or cold."""


def fits(task: Task, shape: Shape) -> bool:
    """Whether a node that offers the model in this shape can do the task."""
    if task.request.kind not in shape.kinds:
        return False
    if task.over_context:
        return shape.context > task.over_context
    return shape.context == 0 or shape.context >= task.need


def allowed(task: Task, node: NodeId) -> bool:
    """Whether the client, and the earlier attempts, leave this node."""
    if node in task.excluded:
        return False
    return not task.pinned or node in task.pinned


def eligible(task: Task, node: Node) -> Place | None:
    """Where on the node the task could run now; None: it may not or cannot."""
    place = node.places.get(task.request.model)
    if place is None or not (node.room if task.request.check else node.free):
        return None
    if not allowed(task, node.id) or not fits(task, place.shelf.shape):
        return None
    return place


def serves(task: Task, node: Node) -> bool:
    """Whether the node may get the task, now or when it is heard from again."""
    return node.working if task.request.check else node.serving


def rank(task: Task, node: Node, place: Place) -> IdleKey:
    """Order among eligible nodes: sound, soon, little used, and then the id."""
    request = task.request
    tokens = place.shelf.pool.pace.answer_tokens(request.kind, request.max_tokens)
    load = node.load
    return (load.failing, place.expected_s(tokens), load.used_share, node.id)


class Placement:
    """The choice between nodes and tasks. It looks, and changes nothing."""

    def __init__(
        self,
        limits: CoordinatorLimits,
        registry: Registry,
        queue: FairQueue,
        standing: Standing,
    ) -> None:
        self._limits = limits
        self._standing = standing
        self._registry = registry
        self._queue = queue

    def node_for(self, task: Task, now: float) -> Node | None:
        """Choose a free node for the task, a warm one if there is any."""
        pool = self._registry.pools.get(task.request.model)
        if pool is None:
            return None
        node = self._best(task, pool, warm=True)
        if node is None and pool.has_idle and self._may_load(task, pool, now):
            node = self._best(task, pool, warm=False)
        return node

    def task_for(self, node: Node, now: float) -> Task | None:
        """Choose the waiting task whose turn it is among those the node can take."""
        best: Task | None = None
        best_key = (math.inf, math.inf)
        for model in node.places:
            for turn, line in self._queue.lines(model):
                if turn > best_key[0]:
                    continue
                task = self._first(line, node, now)
                if task is not None and (turn, task.order) < best_key:
                    best, best_key = task, (turn, task.order)
        return best

    def openings(self, task: Task) -> Openings:
        """Count the nodes that could take the task, free or not."""
        pool = self._registry.pools.get(task.request.model)
        if pool is None:
            return Openings(0, 0, 0)
        if task.pinned:
            return self._sum(task, task.pinned, Openings(0, 0, 0), sign=1)
        warm = cold = silent = 0
        for shelf in pool.shelves.values():
            if shelf.serving and fits(task, shelf.shape):
                heard = shelf.serving - shelf.silent
                silent += shelf.silent
                warm += heard * shelf.shape.warm
                cold += heard * (not shelf.shape.warm)
        return self._sum(task, task.excluded, Openings(warm, cold, silent), sign=-1)

    def hoped_until(self, task: Task, now: float) -> float | None:
        """Until when a node that is just gone may come back and take the task."""
        pool = self._registry.pools.get(task.request.model)
        if pool is None:
            return None
        for node, gone in self._registry.returning(pool, now):
            if allowed(task, node) and fits(task, gone.shape):
                return gone.at + self._limits.returning_s
        return None

    def has_prospects(self, task: Task, now: float) -> bool:
        """Whether a node could take the task, now or when it comes back."""
        return any(self.openings(task)) or self.hoped_until(task, now) is not None

    def wait_reason(self, task: Task, now: float) -> WaitReason | None:
        """Why the task is not with a node; None: no node will come for it."""
        openings = self.openings(task)
        if openings.warm:
            if self._best(task, self._registry.pools[task.request.model], warm=False):
                return WaitReason.LOADING
            return WaitReason.BUSY
        if openings.cold:
            return WaitReason.BUSY
        if openings.silent:
            return WaitReason.SILENT
        return None if self.hoped_until(task, now) is None else WaitReason.RETURNING

    def retry_after_s(self, model: str) -> float:
        """When a slot should be free for one more task, by the measured pace."""
        pool = self._registry.pools.get(model)
        slots = _slots(pool) if pool else 0
        if pool is None or not slots:
            return self._limits.retry_after_s
        wait_s = (self._queue.size_for(model) + 1) * pool.pace.service_s / slots
        return min(max(math.ceil(wait_s), 1.0), MAX_RETRY_AFTER_S)

    def _best(self, task: Task, pool: ModelPool, *, warm: bool) -> Node | None:
        keys = [
            rank(task, node, node.places[pool.name])
            for node in self._candidates(task, pool, warm=warm)
        ]
        if not keys:
            return None
        best = min(keys)
        if not self._standing.draws or len(keys) == 1:
            return self._registry.nodes[best[3]]
        return self._draw(task, keys, best)

    def _draw(self, task: Task, keys: list[IdleKey], best: IdleKey) -> Node:
        """Draw by standing among those that should answer about as soon as the best.

        A node on probation is held against others on probation: what answers at once
        and wrongly would get everything else before anybody has looked at it.
        """
        model = task.request.model
        soonest: dict[bool, float] = {}
        sound: list[tuple[Node, bool, float]] = []
        for failing, expected_s, _, node_id in keys:
            if failing == best[0]:
                node = self._registry.nodes[node_id]
                proven = self._standing.may_seal(node, model)
                soonest[proven] = min(soonest.get(proven, expected_s), expected_s)
                sound.append((node, proven, expected_s))
        proven_only = task.request.sealed and not task.pinned and True in soonest
        alike = [
            node
            for node, proven, expected_s in sound
            if expected_s <= soonest[proven] * ALIKE and (proven or not proven_only)
        ]
        return self._standing.choose(alike, model)

    def _candidates(self, task: Task, pool: ModelPool, *, warm: bool) -> Iterator[Node]:
        nodes = self._registry.nodes
        if task.pinned:
            for node_id in task.pinned:
                node = nodes.get(node_id)
                place = eligible(task, node) if node else None
                if node and place and place.shelf.shape.warm is warm:
                    yield node
            return
        for shelf in pool.shelves.values():
            if shelf.shape.warm is not warm or not fits(task, shelf.shape):
                continue
            left = CANDIDATES
            for key in shelf.idle:
                if key[3] not in task.excluded:
                    yield nodes[key[3]]
                    left -= 1
                    if not left:
                        break

    def _first(self, line: list[Task], node: Node, now: float) -> Task | None:
        for task in line:
            place = eligible(task, node)
            if place is None:
                continue
            if place.shelf.shape.warm or self._may_load(task, place.shelf.pool, now):
                return task
        return None

    def _may_load(self, task: Task, pool: ModelPool, now: float) -> bool:
        """Whether a cold node is better than to wait for a warm one."""
        if not self.openings(task).warm:
            return True
        load_s = self._limits.load_s
        if now >= task.queued_since + load_s:
            return True
        turns = self._queue.position(task) / max(_slots(pool, warm=True), 1)
        return turns * pool.pace.service_s > load_s

    def _sum(
        self,
        task: Task,
        nodes: dict[NodeId, None],
        openings: Openings,
        *,
        sign: int,
    ) -> Openings:
        """Add, or take away, the named nodes as far as they fit."""
        warm, cold, silent = openings
        for node_id in nodes:
            node = self._registry.nodes.get(node_id)
            place = node.places.get(task.request.model) if node else None
            if not node or not place or not serves(task, node):
                continue
            if sign > 0 and node_id in task.excluded:
                continue
            shape = place.shelf.shape
            if fits(task, shape):
                silent += sign * node.silent
                warm += sign * (shape.warm and not node.silent)
                cold += sign * (not shape.warm and not node.silent)
        return Openings(warm, cold, silent)


def _slots(pool: ModelPool, *, warm: bool = False) -> int:
    return sum(
        shelf.slots for shelf in pool.shelves.values() if shelf.shape.warm or not warm
    )
