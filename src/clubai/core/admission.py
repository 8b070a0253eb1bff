"""Whether a request is taken in at all, and what one that is not is told.

A request that cannot be served says so at once, and never waits for a node that may
never come.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from clubai.core.limits import CoordinatorLimits
from clubai.core.pools import ModelPool, Shelf
from clubai.core.registry import Registry
from clubai.core.scheduling import Placement
from clubai.core.tasks import Task
from clubai.core.waiting import FairQueue
from clubai.model import FailCode

MODELS_NAMED: Final = 20
"""In the refusal of an unknown model."""


class Refusal(NamedTuple):
    """Why a request is not served."""

    code: FailCode
    message: str
    retry_after_s: float | None = None


class Admission:
    """The checks before a task is offered or queued. It looks, and changes nothing."""

    def __init__(
        self,
        limits: CoordinatorLimits,
        registry: Registry,
        queue: FairQueue,
        placement: Placement,
    ) -> None:
        self._limits = limits
        self._registry = registry
        self._queue = queue
        self._placement = placement

    def refusal(self, task: Task, now: float) -> Refusal | None:
        """Why no node could serve the task, however long it waited."""
        pool = self._registry.pool(task.request.model, now)
        if pool is None:
            return self._unknown_model(task.request.model)
        shelves = self._registry.known_shelves(pool, now)
        return (
            _unsupported(task, shelves)
            or _too_long(task, shelves)
            or self.no_capacity(task, pool, now)
        )

    def no_capacity(self, task: Task, pool: ModelPool, now: float) -> Refusal | None:
        """Whether the nodes that could serve the task are all away."""
        if self._placement.has_prospects(task, now):
            return None
        if task.pinned:
            who = "none of the nodes that the request names"
        elif task.excluded:
            who = "no node besides those that are excluded"
        else:
            who = "no node"
        return Refusal(
            FailCode.NO_CAPACITY,
            f"{who} can take a {task.request.kind} of {pool.name!r} now: "
            f"{pool.members} offer the model, and are paused, draining or unfit",
            self._limits.retry_after_s,
        )

    def queue_full(self, task: Task) -> Refusal | None:
        """Whether there is no room to wait, for anyone or for this member."""
        limits, member = self._limits, task.request.member
        if len(self._queue) >= limits.max_queue:
            message = f"{len(self._queue)} tasks wait already, the most that may"
        elif self._queue.size_of(member) >= limits.max_queue_member:
            message = (
                f"{self._queue.size_of(member)} tasks of member {member} wait already, "
                "the most that may for one member"
            )
        else:
            return None
        retry_after_s = self._placement.retry_after_s(task.request.model)
        return Refusal(FailCode.QUEUE_FULL, message, retry_after_s)

    def waited_out(self, task: Task, now: float) -> Refusal:
        """The end of a task that waited for as long as it may."""
        waited_s = now - task.queued_since
        why = task.wait_text or "no node with it is free"
        before = f"; the last attempt failed: {task.message}" if task.message else ""
        return Refusal(
            FailCode.QUEUE_TIMEOUT,
            f"waited {waited_s:.1f} s for a node with {task.request.model!r}: "
            f"{why}{before}",
            self._placement.retry_after_s(task.request.model),
        )

    def _unknown_model(self, name: str) -> Refusal:
        models = [model.name for model in self._registry.model_snapshots()]
        if not models:
            text = "no node is here, so there is none"
        else:
            more = len(models) - MODELS_NAMED
            text = "there are: " + ", ".join(models[:MODELS_NAMED])
            text += f" and {more} more" if more > 0 else ""
        return Refusal(FailCode.UNKNOWN_MODEL, f"no node offers {name!r}; {text}")


def expired(task: Task, now: float) -> Refusal | None:
    """Whether the time is over that the client gave the task altogether."""
    if now < task.deadline:
        return None
    allowed_s = task.deadline - task.created_at
    return Refusal(
        FailCode.EXPIRED, f"the request's {allowed_s:g} s passed before it was done"
    )


def _unsupported(task: Task, shelves: list[Shelf]) -> Refusal | None:
    kind = task.request.kind
    if not shelves or any(kind in shelf.shape.kinds for shelf in shelves):
        return None
    offered = sorted({kind for shelf in shelves for kind in shelf.shape.kinds})
    return Refusal(
        FailCode.UNSUPPORTED,
        f"no node does {kind} with {task.request.model!r}, "
        f"only {', '.join(offered) or 'nothing'}",
    )


def _too_long(task: Task, shelves: list[Shelf]) -> Refusal | None:
    kind = task.request.kind
    contexts = [shelf.shape.context for shelf in shelves if kind in shelf.shape.kinds]
    if not contexts or 0 in contexts or task.need <= max(contexts):
        return None
    prompt = task.request.prompt_tokens
    return Refusal(
        FailCode.CONTEXT_LENGTH_EXCEEDED,
        f"{task.need} tokens are asked for (prompt {prompt}, answer "
        f"{task.need - prompt}), and the longest context of {task.request.model!r} "
        f"is {max(contexts)}",
    )
