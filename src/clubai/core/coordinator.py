"""The coordinator's machine: events in, commands out, nothing else.

Its state lives in four places: the `Registry` (nodes), the `TaskTable` (tasks), the
`FairQueue` (who waits), and the `TagGroups` (answers that are compared); all but the
queue have `Deadlines`. `Offering` and `Assignments` decide; this module says which
event goes where, and checks that the parts agree.

Whatever a peer says, `handle` answers with commands. An exception means a bug of ours.
"""

from __future__ import annotations

import math
from random import Random
from typing import assert_never

from clubai.core.assignments import Assignments
from clubai.core.commands import Command, DropNode
from clubai.core.endings import Endings
from clubai.core.events import (
    AttemptFailed,
    ClientLeft,
    Event,
    FactTold,
    NodeEvent,
    NodeJoined,
    NodeKicked,
    NodeLeft,
    NodePaused,
    NodeReported,
    ReplyBegun,
    TaskAccepted,
    TaskCancelled,
    TaskEvent,
    TaskFinished,
    TaskRequested,
    TaskStopped,
)
from clubai.core.invariants import check
from clubai.core.limits import CoordinatorLimits
from clubai.core.news import News
from clubai.core.nodes import Hold
from clubai.core.offering import Offering
from clubai.core.registry import Registry
from clubai.core.standing import Standing
from clubai.core.table import TaskTable
from clubai.core.tags import TagGroups
from clubai.core.waiting import FairQueue
from clubai.model import (
    ClubStats,
    ModelSnapshot,
    NodeId,
    NodeSnapshot,
    StoryLine,
    TaskId,
    TaskSnapshot,
)
from clubai.reputation.judge import Judge

DEFAULT_LIMITS = CoordinatorLimits()


class CoordinatorMachine:
    """Admits, queues, places, watches. One owner calls it; it is not thread-safe.

    `now` is seconds on one timeline; a `now` before an earlier one counts as that one.
    """

    def __init__(
        self,
        *,
        limits: CoordinatorLimits = DEFAULT_LIMITS,
        judge: Judge | None = None,
        rng: Random | None = None,
    ) -> None:
        """Begin with no node and no task.

        Args:
            limits: The numbers to decide by.
            judge: Of the nodes' standing; None: nobody judges, and all are equal.
            rng: Which node is drawn and which answer is audited come from it.
        """
        self._limits = limits
        self._now = 0.0
        self.news = News()
        self._registry = Registry(limits)
        self._tasks = TaskTable(limits, self.news)
        self._queue = FairQueue()
        self._groups = TagGroups()
        chance = rng or Random(0)  # noqa: S311 - no secret depends on it
        self.standing = Standing(limits, self._registry, judge, chance, news=self.news)
        endings = Endings(self._registry, self._tasks, self._queue, self._groups)
        self._offering = Offering(
            limits,
            self._registry,
            self._tasks,
            self._queue,
            self._groups,
            endings,
            self.standing,
        )
        self._assignments = Assignments(
            limits, self._registry, self._tasks, self._offering, endings, self.standing
        )

    def handle(self, event: Event, *, now: float) -> list[Command]:
        """Take one event in; give what to do, in order."""
        now = self._now = max(now, self._now)
        out: list[Command] = []
        if isinstance(event, NodeEvent):
            self._of_node(event, now, out)
        else:
            self._of_task(event, now, out)
        return out

    def _of_node(self, event: NodeEvent, now: float, out: list[Command]) -> None:
        match event:
            case NodeJoined():
                self._node_joined(event, now, out)
            case NodeReported():
                self._node_reported(event, now, out)
            case NodeLeft():
                self._node_left(event, now, out)
            case NodeKicked():
                self._node_kicked(event, now, out)
            case NodePaused():
                self._node_paused(event, now, out)
            case FactTold():
                self._fact_told(event, now, out)
            case _:
                assert_never(event)

    def _of_task(self, event: TaskEvent, now: float, out: list[Command]) -> None:
        match event:
            case TaskRequested():
                self._offering.request(event, now, out)
            case TaskAccepted():
                self._assignments.accepted(event, now, out)
            case ReplyBegun():
                self._assignments.reply_begun(event, now, out)
            case TaskFinished():
                self._assignments.finished(event, now, out)
            case AttemptFailed():
                self._assignments.attempt_failed(event, now, out)
            case TaskCancelled():
                self._assignments.cancelled(event, now, out)
            case TaskStopped():
                self._assignments.stopped(event, now, out)
            case ClientLeft():
                self._groups.client_left(event.client)
                self._assignments.client_left(event, now, out)
            case _:
                assert_never(event)

    def advance(self, *, now: float) -> list[Command]:
        """Do what is due by `now`; afterwards nothing is due before a later time."""
        now = self._now = max(now, self._now)
        out: list[Command] = []
        for node in self._registry.deadlines.take_due(now):
            self._node_due(node, now, out)
        for task in self._tasks.deadlines.take_due(now):
            self._task_due(task, now, out)
        self._groups.due(now, out)
        self.standing.advance(now, out)
        return out

    def next_deadline(self) -> float | None:
        """When to call `advance` next: it may be early, never late. None: no need."""
        due = min(
            self._registry.deadlines.next(),
            self._tasks.deadlines.next(),
            self._groups.deadlines.next(),
            self.standing.next_deadline(),
        )
        return None if due == math.inf else due

    def validate(self) -> None:
        """Check that all parts of the state agree; for tests, it looks at everything.

        Raises:
            InvariantError: they do not.
        """
        check(self._registry, self._tasks, self._queue)

    @property
    def idle(self) -> bool:
        """Whether no task is under way or waits."""
        return not self._tasks.live

    def story(self, task: TaskId) -> tuple[str, ...]:
        """What happened to a task; empty when it is not remembered."""
        return self._tasks.story(task)

    def timeline(self, task: TaskId) -> tuple[StoryLine, ...]:
        """The same with times; empty when it is not remembered."""
        found = self._tasks.find(task)
        return found.timeline() if found else ()

    def task(self, task: TaskId) -> TaskSnapshot | None:
        """A live task, or one of the last that ended; None: it is not remembered."""
        found = self._tasks.find(task)
        return found.snapshot() if found else None

    def is_here(self, node: NodeId) -> bool:
        """Whether a node is connected."""
        return node in self._registry.nodes

    def node(self, node: NodeId) -> NodeSnapshot | None:
        """A node that is connected; None: it is not."""
        found = self._registry.nodes.get(node)
        return self._registry.node_snapshot(found) if found else None

    def offers(self, node: NodeId, model: str) -> bool:
        """Whether a node is connected and offers a model."""
        found = self._registry.nodes.get(node)
        return found is not None and model in found.places

    def some_nodes(
        self,
        model: str,
        rng: Random,
        *,
        besides: str,
        quantization: str,
        most: int,
    ) -> list[NodeSnapshot]:
        """At most `most` connected nodes that offer a model, drawn by `rng`.

        Of as many owners but `besides` as there are, and those first that have it in
        this quantisation. Costs the same in a club of any
        size, but for a list of the owners and of what each owns.
        """
        pool = self._registry.pools.get(model)
        if pool is None:
            return []
        drawn = pool.draw(rng, besides=besides, quantization=quantization, most=most)
        nodes = self._registry.nodes
        return [self._registry.node_snapshot(nodes[node]) for node in drawn]

    def nodes(self) -> tuple[NodeSnapshot, ...]:
        """The nodes in the order in which they came, then those lately lost."""
        return self._registry.node_snapshots()

    def models(self) -> tuple[ModelSnapshot, ...]:
        """The models that nodes offer, by name."""
        return self._registry.model_snapshots()

    def tasks(self) -> tuple[TaskSnapshot, ...]:
        """The live tasks, then the last ones that ended, newest first in both."""
        return self._tasks.snapshots()

    def stats(
        self, *, now: float, started_at: float, members: int, tasks_before: int
    ) -> ClubStats:
        """Counts since the start, O(1).

        `tasks_before` is how many tasks the store held at the start.
        """
        registry, tasks = self._registry, self._tasks
        return ClubStats(
            started_at=started_at,
            now=now,
            nodes_alive=registry.alive,
            nodes_known=len(registry.nodes) + len(registry.lost),
            slots=registry.slots,
            slots_used=registry.slots_used,
            tasks_queued=len(self._queue),
            tasks_running=len(tasks.live) - len(self._queue),
            tasks_done=tasks.done,
            tasks_failed=tasks.failed,
            tasks_retried=tasks.retried,
            prompt_tokens=tasks.prompt_tokens,
            completion_tokens=tasks.completion_tokens,
            members=members,
            tasks_ever=tasks_before + tasks.done + tasks.failed,
        )

    def _node_joined(self, event: NodeJoined, now: float, out: list[Command]) -> None:
        before = self._registry.nodes.get(event.node)
        if before is not None:
            self._registry.remove(before, now)
            self._assignments.node_gone(before, "the node began anew", now, out)
        node = self._registry.join(event, now)
        self.standing.appeared(node, now, out)
        self.news.node(node, "joined", now)
        self._offering.fill(node, now, out)

    def _node_reported(
        self, event: NodeReported, now: float, out: list[Command]
    ) -> None:
        node = self._registry.nodes.get(event.node)
        if node is None:
            return
        before = node.places
        state, slots, models = node.state, node.slots, node.models
        changed = self._registry.report(node, event, now)
        self._assignments.renew(node, event.running, now, out)
        self.standing.heard(node, now)
        if changed:
            self.standing.appeared(node, now, out)
            if node.state != state:
                self.news.node(node, node.state, now)
            elif node.slots != slots or node.models != models:
                self.news.node(node, "changed", now)
            self._offering.fill(node, now, out)
            self._offering.step_in(before, now, out)

    def _node_left(self, event: NodeLeft, now: float, out: list[Command]) -> None:
        node = self._registry.nodes.get(event.node)
        if node is not None:
            self._registry.remove(node, now)
            self.standing.gone(node, now)
            self.news.node(node, "left", now)
            reason = f"the node left: {event.reason}"
            self._assignments.node_gone(node, reason, now, out)

    def _node_kicked(self, event: NodeKicked, now: float, out: list[Command]) -> None:
        """As when it is lost, but nobody blames it.

        The judge is told of no missed answer, and the promised hour that runs cannot
        be broken: it costs the node no points.
        """
        node = self._registry.nodes.get(event.node)
        if node is None:
            return
        self._registry.remove(node, now)
        self.standing.excuse(node, now)
        self.standing.gone(node, now)
        self.news.node(node, "left", now)
        out.append(DropNode(node=node.id, reason=event.reason))
        self._assignments.node_gone(node, event.reason, now, out, blame=False)

    def _fact_told(self, event: FactTold, now: float, out: list[Command]) -> None:
        self.standing.tell(event.fact, now, out)
        self.news.fact(event.fact, now)
        node = self._registry.nodes.get(event.fact.node)
        if node is not None:
            self._offering.fill(node, now, out)

    def _node_paused(self, event: NodePaused, now: float, out: list[Command]) -> None:
        held: Hold = "draining" if event.drain else "paused"
        changed = self._registry.hold(event.node, held if event.paused else None)
        node = self._registry.nodes.get(event.node)
        if changed and node is not None:
            self.news.node(node, node.state, now)
            self._offering.fill(node, now, out)
            self._offering.step_in(node.places, now, out)

    def _node_due(self, node_id: NodeId, now: float, out: list[Command]) -> None:
        node = self._registry.nodes.get(node_id)
        if node is None:
            self._registry.lost.pop(node_id, None)
            return
        if now >= node.seen_at + self._limits.lost_after_s:
            reason = f"no heartbeat for {now - node.seen_at:.0f} s"
            self._registry.lose(node, now)
            self.standing.gone(node, now)
            self.news.node(node, "lost", now)
            out.append(DropNode(node=node_id, reason=reason))
            self._assignments.node_gone(node, reason, now, out)
            return
        if not node.silent and now >= node.seen_at + self._limits.suspect_after_s:
            self._registry.suspect(node)
            self.standing.gone(node, now)
            self.news.node(node, "suspect", now)
            self._offering.step_in(node.places, now, out)
        self._registry.watch(node)

    def _task_due(self, task_id: TaskId, now: float, out: list[Command]) -> None:
        task = self._tasks.live.get(task_id)
        if task is None:
            return
        if task.leased:
            self._assignments.due(task, now, out)
        else:
            self._offering.look(task, now, out)
        if task_id in self._tasks.live:
            self._tasks.deadlines.wake(task_id, by=task.next_wake)
