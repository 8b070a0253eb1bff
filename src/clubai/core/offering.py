"""A task without a node: it is offered to one, waits with a reason, or gives up.

Whatever frees a slot or brings a node calls `fill`; whatever takes the last warm node
of a model away calls `step_in`. Beside that, each waiting task is looked at every few
seconds: its nodes may all have gone, it may have waited long enough for a cold one, and
its client is told when its reason changed or its place was halved.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from clubai.core.admission import Admission, Refusal, expired
from clubai.core.commands import Command, OfferTask, SayWait, WaitReason
from clubai.core.endings import Endings
from clubai.core.events import TaskRequested
from clubai.core.limits import CoordinatorLimits
from clubai.core.nodes import Node
from clubai.core.registry import Registry
from clubai.core.scheduling import Placement
from clubai.core.standing import Standing
from clubai.core.table import TaskTable
from clubai.core.tags import TagGroups
from clubai.core.tasks import PART, Move, Task
from clubai.core.waiting import FairQueue
from clubai.errors import InvariantError
from clubai.model import FailCode

WAIT_TEXTS: Final = {
    WaitReason.BUSY: "all nodes that can take it are busy",
    WaitReason.LOADING: "the nodes with the model in memory are busy, and one of them "
    "should be free before another has loaded it",
    WaitReason.SILENT: "the nodes that can take it have not been heard from lately",
    WaitReason.RETURNING: "the last node that can take it is gone for a moment",
}

PASSING: Final = frozenset({FailCode.BUSY, FailCode.NODE_LOST, FailCode.BACKEND})
"""Failures after which the same request may well succeed a little later."""


class Offering:
    """Brings tasks and nodes together."""

    def __init__(
        self,
        limits: CoordinatorLimits,
        registry: Registry,
        tasks: TaskTable,
        queue: FairQueue,
        groups: TagGroups,
        endings: Endings,
        standing: Standing,
    ) -> None:
        self._limits = limits
        self._registry = registry
        self._tasks = tasks
        self._queue = queue
        self._groups = groups
        self._endings = endings
        self._placement = Placement(limits, registry, queue, standing)
        self._admission = Admission(limits, registry, queue, self._placement)

    def request(self, event: TaskRequested, now: float, out: list[Command]) -> None:
        """Refuse a new task, offer it to a node, or let it wait."""
        task = self._tasks.add(event, now)
        self._tasks.news.task(task, now)
        refusal = (
            self._groups.join(task, now)
            or self._admission.refusal(task, now)
            or expired(task, now)
        )
        if refusal is None and not self._place(task, now, out):
            refusal = self._admission.queue_full(task)
            if refusal is None:
                self._wait(task, now, out)
        if refusal is not None:
            self._endings.fail(task, refusal, now, out)

    def retry(self, task: Task, now: float, out: list[Command]) -> None:
        """Try a task elsewhere whose last attempt failed."""
        task.move(Move.RETRY, now, f"{task.code}: {task.message}")
        task.queued_since = now
        task.wait_until = now + task.wait_s
        self._tasks.news.task(task, now)
        if self._place(task, now, out):
            return
        if self._placement.has_prospects(task, now):
            self._wait(task, now, out)
        else:
            self.give_up(task, now, out)

    def fill(self, node: Node, now: float, out: list[Command]) -> None:
        """Give a node waiting tasks for as long as it has a free slot."""
        while node.room and len(self._queue):
            task = self._placement.task_for(node, now)
            if task is None:
                return
            self._offer(task, node, now, out)

    def step_in(self, models: Iterable[str], now: float, out: list[Command]) -> None:
        """Give cold nodes the tasks that waited for warm ones, where none is left."""
        for model in models:
            pool = self._registry.pools.get(model)
            if pool is None or not self._queue.has(model) or pool.has_warm:
                continue
            for task in self._queue.in_order(model):
                if not pool.has_idle:
                    break
                self._place(task, now, out)

    def look(self, task: Task, now: float, out: list[Command]) -> None:
        """Look at a waiting task anew: its time, its nodes, its place."""
        if now >= task.deadline or now >= task.wait_until:
            refusal = expired(task, now) or self._admission.waited_out(task, now)
            self._endings.fail(task, refusal, now, out)
        elif not self._place(task, now, out) and now >= task.look_at:
            self._look_at_prospects(task, now, out)

    def give_up(self, task: Task, now: float, out: list[Command]) -> None:
        """End a task that no node can take: by its last failure, if it had one."""
        refusal = self._last_failure(task) or self._admission.refusal(task, now)
        if refusal is None:
            raise InvariantError("a task with prospects was given up", task.lines())
        self._endings.fail(task, refusal, now, out)

    def _place(self, task: Task, now: float, out: list[Command]) -> bool:
        node = self._placement.node_for(task, now)
        if node is None:
            return False
        self._offer(task, node, now, out)
        return True

    def _offer(self, task: Task, node: Node, now: float, out: list[Command]) -> None:
        request = task.request
        if task.waiting:
            self._queue.remove(task)
        task.move(Move.OFFER, now, f"node {node.name!r}, attempt {len(task.nodes)}")
        task.lease(node, now, until=now + self._limits.offer_s)
        self._registry.lease(node, request.task, task.attempt)
        self._queue.serve(request.member)
        self._tasks.retried += task.attempt > 0
        self._tasks.news.task(task, now)
        self._tasks.deadlines.wake(request.task, by=task.next_wake)
        out.append(
            OfferTask(
                client=request.client,
                ref=request.ref,
                task=request.task,
                part=PART,
                attempt=task.attempt,
                node=node.id,
                node_name=node.name,
                model=request.model,
                kind=request.kind,
                max_tokens=request.max_tokens,
                stream=request.stream,
                queued_ms=task.queued_ms,
            )
        )

    def _wait(self, task: Task, now: float, out: list[Command]) -> None:
        """Let a task wait, and say why; one that may not wait ends here."""
        if now >= task.wait_until:
            refusal = self._admission.waited_out(task, now)
            self._endings.fail(task, refusal, now, out)
            return
        self._queue.add(task)
        self._look_at_prospects(task, now, out)
        if task.waiting:
            self._tasks.deadlines.wake(task.request.task, by=task.next_wake)

    def _look_at_prospects(self, task: Task, now: float, out: list[Command]) -> None:
        """Say why a task waits, if that is news; end it when no node will come."""
        reason = self._placement.wait_reason(task, now)
        if reason is None:
            self.give_up(task, now, out)
            return
        task.look_at = now + self._limits.say_wait_s
        if reason is WaitReason.RETURNING:
            hoped_until = self._placement.hoped_until(task, now) or task.look_at
            task.look_at = min(task.look_at, hoped_until)
        position = self._queue.position(task)
        if task.said and task.said[0] is reason and 2 * position > task.said[1]:
            return
        task.said = (reason, position)
        task.wait_text = WAIT_TEXTS[reason]
        task.note(now, f"waits: {reason}, place {position}")
        self._tasks.news.task(task, now)
        out.append(
            SayWait(
                client=task.request.client,
                ref=task.request.ref,
                task=task.request.task,
                code=reason,
                text=task.wait_text,
                position=position,
            )
        )

    def _last_failure(self, task: Task) -> Refusal | None:
        if task.code is None:
            return None
        retry_after_s = None
        if task.code in PASSING:
            retry_after_s = self._placement.retry_after_s(task.request.model)
        return Refusal(task.code, task.message, retry_after_s)
