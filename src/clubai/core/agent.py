"""The agent's machine: which assignments a node takes, and which it works on.

```
arrived --> arriving --request complete--> working --work ended--> gone
   |           '--cancel--> gone              '--cancel--> stopping --work ended--> gone
   '--no slot, paused, draining: refused
```

One assignment holds one slot from its arrival until its work has really ended. Losing
the link cancels everything: the coordinator gives the work to another node. Pausing and
draining keep what was taken.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, assert_never

import msgspec

from clubai.errors import InvariantError
from clubai.model import FailCode, TaskId

FIRST_BACKOFF_S: Final = 0.5
LONGEST_BACKOFF_S: Final = 30.0
_DOUBLINGS: Final = 6
"""After so many the longest is reached."""


class AssignmentKey(NamedTuple):
    """What names one assignment."""

    task: TaskId
    part: int
    attempt: int


class OfAssignment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of what is about one assignment."""

    task: TaskId
    part: int
    attempt: int

    @property
    def key(self) -> AssignmentKey:
        """Which one."""
        return AssignmentKey(self.task, self.part, self.attempt)


class AssignmentArrived(OfAssignment, frozen=True, kw_only=True, gc=False):
    """The coordinator gives this node a task; its records follow."""

    model: str
    deadline_s: float
    """From now."""


class RequestCompleted(OfAssignment, frozen=True, kw_only=True, gc=False):
    """All records of the request are here."""


class WorkEnded(OfAssignment, frozen=True, kw_only=True, gc=False):
    """The work that `StartWork` began is over, in whatever way."""


class CancelArrived(OfAssignment, frozen=True, kw_only=True, gc=False):
    """Nobody wants the answer any more."""


class LinkLost(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The connection to the coordinator ended."""


class SlotsChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The backend can do more or less at once."""

    slots: int


class PauseChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The owner wants the machine back, or lends it again."""

    paused: bool


class DrainChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The agent is about to end once its work is done, or is not."""

    draining: bool


class Refuse(OfAssignment, frozen=True, kw_only=True, gc=False):
    """Tell the coordinator that this node does not take it."""

    code: FailCode
    message: str


class Accept(OfAssignment, frozen=True, kw_only=True, gc=False):
    """Tell the coordinator that the work begins."""


class StartWork(OfAssignment, frozen=True, kw_only=True, gc=False):
    """Run the request on the backend; `WorkEnded` must follow."""

    model: str
    deadline: float
    """On the timeline of `now`."""


class StopWork(OfAssignment, frozen=True, kw_only=True, gc=False):
    """Stop the work; `WorkEnded` must still follow."""


AgentEvent = (
    AssignmentArrived
    | RequestCompleted
    | WorkEnded
    | CancelArrived
    | LinkLost
    | SlotsChanged
    | PauseChanged
    | DrainChanged
)
AgentCommand = Refuse | Accept | StartWork | StopWork


class _Held(NamedTuple):
    stage: Literal["arriving", "working", "stopping"]
    model: str
    deadline: float


class AgentMachine:
    """The slots of one node. Events about assignments it does not hold are ignored."""

    def __init__(self, *, slots: int) -> None:
        self._slots = max(slots, 0)
        self._paused = False
        self._draining = False
        self._held: dict[AssignmentKey, _Held] = {}
        self._ceiling = self._slots
        """The slots, or what was held already when they became fewer."""

    def handle(self, event: AgentEvent, *, now: float) -> list[AgentCommand]:
        """Take one event in; give what to do, in order."""
        match event:
            case AssignmentArrived():
                return self._arrived(event, now)
            case RequestCompleted():
                return self._completed(event.key)
            case WorkEnded():
                return self._ended(event.key)
            case CancelArrived():
                return self._cancel(event.key)
            case LinkLost():
                return [stop for key in tuple(self._held) for stop in self._cancel(key)]
            case SlotsChanged():
                self._slots = max(event.slots, 0)
                self._ceiling = max(self._slots, len(self._held))
            case PauseChanged():
                self._paused = event.paused
            case DrainChanged():
                self._draining = event.draining
            case _:
                assert_never(event)
        return []

    @property
    def running(self) -> tuple[TaskId, ...]:
        """The tasks to list in a heartbeat: those whose answers are still wanted."""
        return tuple(
            key.task for key, held in self._held.items() if held.stage != "stopping"
        )

    @property
    def free(self) -> int:
        """Slots for which an assignment would be taken now."""
        if self._paused or self._draining:
            return 0
        return max(self._slots - len(self._held), 0)

    @property
    def idle(self) -> bool:
        """Whether no assignment holds a slot."""
        return not self._held

    def validate(self) -> None:
        """Check what must hold between events.

        Raises:
            InvariantError: it does not.
        """
        if len(self._held) > self._ceiling:
            raise InvariantError(f"{len(self._held)} held, {self._ceiling} may be")

    def _arrived(self, event: AssignmentArrived, now: float) -> list[AgentCommand]:
        if event.key in self._held:
            return []
        if self._draining:
            return [_refusal(event, "the node is draining")]
        if self._paused:
            return [_refusal(event, "the node is paused by its owner")]
        if not self.free:
            return [_refusal(event, f"all {self._slots} slots are in use")]
        self._held[event.key] = _Held("arriving", event.model, now + event.deadline_s)
        return []

    def _completed(self, key: AssignmentKey) -> list[AgentCommand]:
        held = self._held.get(key)
        if held is None or held.stage != "arriving":
            return []
        self._held[key] = held._replace(stage="working")
        task, part, attempt = key
        return [
            Accept(task=task, part=part, attempt=attempt),
            StartWork(
                task=task,
                part=part,
                attempt=attempt,
                model=held.model,
                deadline=held.deadline,
            ),
        ]

    def _ended(self, key: AssignmentKey) -> list[AgentCommand]:
        held = self._held.get(key)
        if held is not None and held.stage != "arriving":
            del self._held[key]
        return []

    def _cancel(self, key: AssignmentKey) -> list[AgentCommand]:
        held = self._held.get(key)
        if held is None or held.stage == "stopping":
            return []
        if held.stage == "arriving":
            del self._held[key]
            return []
        self._held[key] = held._replace(stage="stopping")
        return [StopWork(task=key.task, part=key.part, attempt=key.attempt)]


def _refusal(event: AssignmentArrived, message: str) -> Refuse:
    return Refuse(
        task=event.task,
        part=event.part,
        attempt=event.attempt,
        code=FailCode.BUSY,
        message=message,
    )


def backoff(attempt: int, fraction: float) -> float:
    """Seconds before the next try to connect, with full jitter.

    `attempt` counts the failures in a row, from 0; `fraction` is drawn by the caller,
    evenly from [0, 1).
    """
    doublings = min(max(attempt, 0), _DOUBLINGS)
    return min(FIRST_BACKOFF_S * 2.0**doublings, LONGEST_BACKOFF_S) * fraction
