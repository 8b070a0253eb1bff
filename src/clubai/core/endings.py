"""How a task ends: once, recorded, and told to its client."""

from __future__ import annotations

from typing import Final

from clubai.core.admission import Refusal
from clubai.core.commands import (
    CancelAttempt,
    Command,
    FailTask,
    FinishTask,
    RecordTask,
)
from clubai.core.events import TaskFinished
from clubai.core.nodes import Node
from clubai.core.registry import Registry
from clubai.core.table import TaskTable
from clubai.core.tags import TagGroups
from clubai.core.tasks import PART, Move, Task
from clubai.core.waiting import FairQueue
from clubai.model import Usage

MAX_MESSAGE: Final = 1000
"""Characters of a failure's text that are passed on."""


class Endings:
    """The last step of every task."""

    def __init__(
        self,
        registry: Registry,
        tasks: TaskTable,
        queue: FairQueue,
        groups: TagGroups,
    ) -> None:
        self._registry = registry
        self._tasks = tasks
        self._queue = queue
        self._groups = groups

    def finish(
        self,
        task: Task,
        event: TaskFinished,
        usage: Usage,
        now: float,
        out: list[Command],
    ) -> None:
        """End a task well; its slot is free already."""
        task.usage = usage
        task.request_bytes = event.request_bytes
        task.answer_bytes = event.answer_bytes
        task.eq, task.sketch = event.eq, event.sketch
        task.replied_at = task.replied_at or now
        task.move(Move.FINISH, now, f"{usage.completion_tokens} tokens")
        self._record(task, now, out)
        out.append(
            FinishTask(
                client=task.request.client,
                task=event.task,
                part=PART,
                attempt=task.attempt,
                node=event.node,
                usage=usage,
                first_token_ms=event.first_token_ms,
                total_ms=event.total_ms,
            )
        )
        self._groups.ended(task, out)

    def fail(
        self,
        task: Task,
        refusal: Refusal,
        now: float,
        out: list[Command],
        *,
        tell: bool = True,
    ) -> None:
        """End a task without an answer; if it was leased, its slot is free already."""
        begun = task.given
        if task.waiting:
            self._queue.remove(task)
        message = refusal.message[:MAX_MESSAGE]
        told = (refusal.code, message) == (task.code, task.message)
        task.code, task.message = refusal.code, message
        task.move(Move.FAIL, now, f"{task.code}: {task.message}")
        self._record(task, now, out)
        if tell:
            sealed = task.sealed if told else b""
            out.append(_failure(task, refusal, message, begun=begun, sealed=sealed))
        self._groups.ended(task, out)

    def stop(self, task: Task, out: list[Command]) -> Node | None:
        """Take a task that goes no further from its node; give that node, if any."""
        if not task.leased:
            return None
        node = self._registry.nodes[task.nodes[-1]]
        self.cancel_attempt(task, out)
        self._registry.release(node, task.request.task)
        return node

    def cancel_attempt(self, task: Task, out: list[Command]) -> None:
        """Tell the node that its attempt is over."""
        out.append(
            CancelAttempt(
                node=task.nodes[-1],
                task=task.request.task,
                part=PART,
                attempt=task.attempt,
            )
        )

    def _record(self, task: Task, now: float, out: list[Command]) -> None:
        if task.state == "failed" and not task.nodes:
            task.queued_s += max(now - task.queued_since, 0.0)
        task.ended_at = now
        self._tasks.remove(task)
        self._tasks.news.task(task, now)
        out.append(RecordTask(facts=task.facts()))


def _failure(
    task: Task, refusal: Refusal, message: str, *, begun: bool, sealed: bytes
) -> FailTask:
    return FailTask(
        client=task.request.client,
        ref=task.request.ref,
        task=task.request.task,
        part=PART,
        attempt=task.attempt,
        code=refusal.code,
        message=message,
        retry_after_s=refusal.retry_after_s,
        attempts=len(task.nodes),
        begun=begun,
        sealed=sealed,
    )
