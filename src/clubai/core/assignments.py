"""A task with a node: what the node says of it, and what becomes of the lease.

Every live task is in one place: it waits in the queue, or a node holds a slot for it.
The steps here free the slot first, decide about the task, and then give the slot on.
"""

from __future__ import annotations

from typing import Final

from clubai.core.admission import Refusal, expired
from clubai.core.commands import Command, NodeFault, RejectNode
from clubai.core.endings import MAX_MESSAGE, Endings
from clubai.core.events import (
    AttemptFailed,
    ClientLeft,
    NodeAnswer,
    ReplyBegun,
    TaskAccepted,
    TaskCancelled,
    TaskFinished,
    TaskStopped,
)
from clubai.core.limits import CoordinatorLimits
from clubai.core.nodes import Node
from clubai.core.offering import Offering
from clubai.core.registry import Registry
from clubai.core.speeds import Sample
from clubai.core.standing import Standing
from clubai.core.table import TaskTable
from clubai.core.tasks import PART, Move, Task, believable_count, metered
from clubai.model import RETRY_ELSEWHERE, FailCode, TaskId, Usage, task_text

NODE_FAILURES: Final = frozenset(
    {
        FailCode.BACKEND,
        FailCode.TRUNCATED,
        FailCode.EMPTY,
        FailCode.NODE_LOST,
    }
)
"""What is wrong with the node, not with the request. A request that does not open may
have been altered by anybody on its way: that blames nobody."""


class Assignments:
    """Moves leased tasks along, and says so in commands that it adds to `out`."""

    def __init__(
        self,
        limits: CoordinatorLimits,
        registry: Registry,
        tasks: TaskTable,
        offering: Offering,
        endings: Endings,
        standing: Standing,
    ) -> None:
        self._limits = limits
        self._registry = registry
        self._tasks = tasks
        self._offering = offering
        self._endings = endings
        self._standing = standing

    def accepted(self, event: TaskAccepted, now: float, out: list[Command]) -> None:
        """The node has begun: from now on its heartbeats must list the task."""
        task = self._answered(event, out)
        if task is not None and task.state == "offered":
            task.move(Move.ACCEPT, now, "the node has the request")
            task.begin(now, until=now + self._limits.lease_s)
            self._tasks.news.task(task, now)

    def reply_begun(self, event: ReplyBegun, now: float, out: list[Command]) -> None:
        """The answer begins: if it is streamed, no other node will be tried."""
        task = self._answered(event, out)
        if task is None or task.state == "replying":
            return
        if task.state == "offered":
            task.begin(now, until=now + self._limits.lease_s)
        task.move(Move.REPLY, now, "the answer begins")
        task.replied_at = now
        self._tasks.news.task(task, now)

    def finished(self, event: TaskFinished, now: float, out: list[Command]) -> None:
        """The answer is whole."""
        task = self._answered(event, out)
        if task is None:
            return
        node = self._registry.nodes[event.node]
        usage = Usage(
            prompt_tokens=metered(event.usage.prompt_tokens, event.request_bytes),
            completion_tokens=metered(
                event.usage.completion_tokens, event.answer_bytes
            ),
        )
        sample = Sample(
            tokens=usage.completion_tokens,
            first_token_s=believable_count(event.first_token_ms) / 1000,
            total_s=max(now - task.began_at, 0.0),
        )
        self._registry.finish(node, event.task, task.request.model, sample)
        self._endings.finish(task, event, usage, now, out)
        self._standing.answered(task, node, usage, now, out)
        self._offering.fill(node, now, out)

    def attempt_failed(
        self, event: AttemptFailed, now: float, out: list[Command]
    ) -> None:
        """The node gave up: try another, or tell the client."""
        task = self._answered(event, out)
        if task is None:
            return
        node = self._registry.nodes[event.node]
        if event.code == FailCode.CONTEXT_LENGTH_EXCEEDED:
            place = node.places.get(task.request.model)
            context = place.shelf.shape.context if place else 0
            task.over_context = max(task.over_context, context or task.need)
        if event.code == FailCode.BUSY or event.code in NODE_FAILURES:
            self._registry.fail(node, event.task, busy=event.code == FailCode.BUSY)
        else:
            self._registry.release(node, event.task)
        task.sealed = event.sealed
        self._after_failure(task, event.code, event.message, now, out)
        self._offering.fill(node, now, out)

    def cancelled(self, event: TaskCancelled, now: float, out: list[Command]) -> None:
        """Whoever asked has enough."""
        task = self._tasks.live.get(event.task)
        if task is not None and task.request.client == event.client:
            refusal = Refusal(FailCode.CANCELLED, "cancelled by the client")
            self._stop([task], refusal, now, out)

    def stopped(self, event: TaskStopped, now: float, out: list[Command]) -> None:
        """Whoever may end it did: as a client's cancel, and the client is told why."""
        task = self._tasks.live.get(event.task)
        if task is not None:
            refusal = Refusal(FailCode.CANCELLED, event.reason)
            self._stop([task], refusal, now, out)

    def client_left(self, event: ClientLeft, now: float, out: list[Command]) -> None:
        """Whoever asked is gone: stop all its tasks, and tell nobody."""
        tasks = self._tasks.of_client(event.client)
        refusal = Refusal(FailCode.CANCELLED, "the client is gone")
        self._stop(tasks, refusal, now, out, tell=False)

    def renew(
        self, node: Node, running: tuple[TaskId, ...], now: float, out: list[Command]
    ) -> None:
        """Renew the leases that a heartbeat lists; give up those it keeps leaving out.

        The tasks that it lists and does not hold are none of its business.
        """
        if not node.leases:
            return
        listed = frozenset(running)
        missing = []
        for task_id in node.leases:
            task = self._tasks.live[task_id]
            if task_id in listed:
                task.missed = 0
                task.lease_until = now + self._limits.lease_s
            elif task.state != "offered":
                task.missed += 1
                if task.missed >= self._limits.missed_reports:
                    missing.append(task)
        for task in missing:
            self._lose_lease(task, "the node no longer works on it", now, out)

    def node_gone(
        self,
        node: Node,
        reason: str,
        now: float,
        out: list[Command],
        *,
        blame: bool = True,
    ) -> None:
        """Try elsewhere what a node held that the registry has forgotten.

        Without `blame` its judge is not told that the node answered nothing.
        """
        code = FailCode.NODE_LOST
        for task_id in node.leases:
            task = self._tasks.live[task_id]
            self._after_failure(task, code, reason, now, out, blame=blame)
        self._offering.step_in(node.places, now, out)

    def due(self, task: Task, now: float, out: list[Command]) -> None:
        """Look at a leased task whose time has come."""
        refusal = expired(task, now)
        if refusal is not None:
            self._standing.missed(task, FailCode.EXPIRED, now, out)
            self._stop([task], refusal, now, out)
        elif now >= task.lease_until:
            what = "accept it in time" if task.state == "offered" else "list it"
            self._lose_lease(task, f"the node did not {what}", now, out)

    def _answered(self, event: NodeAnswer, out: list[Command]) -> Task | None:
        """Find the present attempt that a node speaks of; None: it speaks too late.

        A node that speaks for an attempt that was never its own is rejected.
        """
        task = self._tasks.live.get(event.task)
        if task is None or event.node not in self._registry.nodes:
            return None
        known = event.part == PART and 0 <= event.attempt < len(task.nodes)
        if not known or task.nodes[event.attempt] != event.node:
            reason = (
                f"it answered for task {task_text(event.task)}, part {event.part}, "
                f"attempt {event.attempt}, which was never offered to it"
            )
            out.append(
                RejectNode(node=event.node, code=NodeFault.NOT_YOURS, reason=reason)
            )
            return None
        if not task.leased or event.attempt != task.attempt:
            return None
        return task

    def _after_failure(
        self,
        task: Task,
        code: FailCode,
        message: str,
        now: float,
        out: list[Command],
        *,
        blame: bool = True,
    ) -> None:
        """Decide about a task whose attempt failed; the slot is free already."""
        if code is FailCode.NODE_LOST and blame:
            self._standing.missed(task, code, now, out)
        task.code, task.message = code, message[:MAX_MESSAGE]
        if code is FailCode.NODE_LOST:
            task.sealed = b""
        task.excluded[task.nodes[-1]] = None
        if (
            not task.given
            and code in RETRY_ELSEWHERE
            and len(task.nodes) < self._limits.max_attempts
        ):
            self._offering.retry(task, now, out)
            return
        self._offering.give_up(task, now, out)

    def _lose_lease(
        self, task: Task, message: str, now: float, out: list[Command]
    ) -> None:
        """Take a task from a node that is here and does not get on with it."""
        node = self._registry.nodes[task.nodes[-1]]
        self._endings.cancel_attempt(task, out)
        if task.state == "offered":
            self._registry.release(node, task.request.task)
        else:
            self._registry.fail(node, task.request.task, busy=False)
        self._after_failure(task, FailCode.NODE_LOST, message, now, out)
        self._offering.fill(node, now, out)

    def _stop(
        self,
        tasks: list[Task],
        refusal: Refusal,
        now: float,
        out: list[Command],
        *,
        tell: bool = True,
    ) -> None:
        """End tasks where they stand, and give their slots on when all are ended."""
        nodes = [self._endings.stop(task, out) for task in tasks]
        for task in tasks:
            self._endings.fail(task, refusal, now, out, tell=tell)
        for node in nodes:
            if node is not None:
                self._offering.fill(node, now, out)
