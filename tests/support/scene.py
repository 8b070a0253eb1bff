"""A coordinator's machine with names in place of ids, its own time, and beating nodes.

After every step the machine's invariants are checked, and every command is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

import msgspec

from clubai.core.commands import Command
from clubai.core.coordinator import CoordinatorMachine
from clubai.core.events import (
    AttemptFailed,
    ClientKey,
    ClientLeft,
    Event,
    NodeJoined,
    NodeKicked,
    NodeLeft,
    NodePaused,
    NodeReported,
    ReplyBegun,
    TaskAccepted,
    TaskCancelled,
    TaskFinished,
    TaskRequested,
    TaskStopped,
)
from clubai.core.limits import CoordinatorLimits
from clubai.model import (
    FailCode,
    MemberId,
    ModelOffer,
    ModelSnapshot,
    NodeId,
    NodeSnapshot,
    TaskId,
    TaskSnapshot,
    Usage,
    task_text,
)
from clubai.reputation.judge import Judge

C = TypeVar("C")
START = 1_800_000_000.0
BEAT_S = 15.0


def node_id(name: str) -> NodeId:
    return NodeId(name.encode().ljust(32, b"-"))


def task_id(name: str) -> TaskId:
    return TaskId(name.encode().ljust(16, b"-"))


def offer(name: str = "llama", **fields: Any) -> ModelOffer:
    return ModelOffer(name=name, **fields)


def joined(
    name: str, *models: ModelOffer, slots: int = 1, owner: str = "m_owner"
) -> NodeJoined:
    return NodeJoined(
        node=node_id(name),
        name=name,
        owner=MemberId(owner),
        models=models or (offer(),),
        slots=slots,
        vram_gb=8.0,
        backend="generic",
        program="agent 1",
    )


def requested(name: str, **fields: Any) -> TaskRequested:
    values: dict[str, Any] = {
        "task": task_id(name),
        "client": ClientKey(1),
        "member": MemberId("m_asker"),
        "ref": 1,
        "model": "llama",
        "kind": "chat",
        "mode": "single",
        "prompt_tokens": 0,
        "max_tokens": 0,
        "stream": True,
        "wait_s": 60.0,
        "deadline_s": 600.0,
        "request_bytes": 100,
        "exclude": (),
        "pinned": (),
    }
    return TaskRequested(**(values | fields))


@dataclass
class Told:
    """What a node says of itself in its heartbeats."""

    models: tuple[ModelOffer, ...]
    slots: int
    paused: bool = False
    draining: bool = False
    running: dict[TaskId, None] = field(default_factory=dict)
    silent: bool = False


class Scene:
    """The machine and everyone around it."""

    def __init__(self, judge: Judge | None = None, **limits: Any) -> None:
        rng = Random(7)  # noqa: S311
        self.machine = CoordinatorMachine(
            limits=CoordinatorLimits(**limits), judge=judge, rng=rng
        )
        self.now = START
        self.told: dict[str, Told] = {}
        self.commands: list[Command] = []
        self._beat_at = START + BEAT_S

    def tell(self, event: Event) -> list[Command]:
        commands = self.machine.handle(event, now=self.now)
        self.machine.validate()
        self.commands += commands
        return commands

    def join(
        self, name: str, *models: ModelOffer, slots: int = 1, owner: str = "m_owner"
    ) -> list[Command]:
        event = joined(name, *models, slots=slots, owner=owner)
        self.told[name] = Told(event.models, slots)
        return self.tell(event)

    def report(self, name: str, **changes: Any) -> list[Command]:
        told = self.told[name]
        for key, value in changes.items():
            setattr(told, key, value)
        return self.tell(
            NodeReported(
                node=node_id(name),
                models=told.models,
                slots=told.slots,
                running=tuple(told.running),
                paused=told.paused,
                draining=told.draining,
            )
        )

    def leave(self, name: str) -> list[Command]:
        self.told.pop(name, None)
        return self.tell(NodeLeft(node=node_id(name), reason="closed"))

    def hold(
        self, name: str, *, paused: bool = True, drain: bool = False
    ) -> list[Command]:
        return self.tell(NodePaused(node=node_id(name), paused=paused, drain=drain))

    def ask(self, name: str, **fields: Any) -> list[Command]:
        return self.tell(requested(name, **fields))

    def accept(self, node: str, task: str, attempt: int = 0) -> list[Command]:
        self.told[node].running[task_id(task)] = None
        return self.tell(
            TaskAccepted(
                node=node_id(node), task=task_id(task), part=0, attempt=attempt
            )
        )

    def reply(self, node: str, task: str, attempt: int = 0) -> list[Command]:
        return self.tell(
            ReplyBegun(node=node_id(node), task=task_id(task), part=0, attempt=attempt)
        )

    def finish(
        self, node: str, task: str, attempt: int = 0, tokens: int = 10, **fields: Any
    ) -> list[Command]:
        self.told[node].running.pop(task_id(task), None)
        values: dict[str, Any] = {
            "usage": Usage(prompt_tokens=5, completion_tokens=tokens),
            "first_token_ms": 0,
            "total_ms": 1000,
            "request_bytes": 200,
            "answer_bytes": 5000,
        }
        return self.tell(
            TaskFinished(
                node=node_id(node),
                task=task_id(task),
                part=0,
                attempt=attempt,
                **(values | fields),
            )
        )

    def fail(
        self,
        node: str,
        task: str,
        code: FailCode = FailCode.BACKEND,
        attempt: int = 0,
        message: str = "it broke",
    ) -> list[Command]:
        self.told[node].running.pop(task_id(task), None)
        return self.tell(
            AttemptFailed(
                node=node_id(node),
                task=task_id(task),
                part=0,
                attempt=attempt,
                code=code,
                message=message,
            )
        )

    def cancel(self, task: str, client: int = 1) -> list[Command]:
        return self.tell(TaskCancelled(client=ClientKey(client), task=task_id(task)))

    def stop(self, task: str, reason: str = "enough") -> list[Command]:
        return self.tell(TaskStopped(task=task_id(task), reason=reason))

    def kick(self, name: str, reason: str = "kicked") -> list[Command]:
        self.told.pop(name, None)
        return self.tell(NodeKicked(node=node_id(name), reason=reason))

    def client_left(self, client: int = 1) -> list[Command]:
        return self.tell(ClientLeft(client=ClientKey(client)))

    def run(
        self, node: str, task: str, seconds: float, tokens: int, attempt: int = 0
    ) -> list[Command]:
        """Accept, reply at once, and finish after some time."""
        self.accept(node, task, attempt)
        self.reply(node, task, attempt)
        commands = self.wait(seconds)
        return commands + self.finish(node, task, attempt, tokens=tokens)

    def wait(self, seconds: float) -> list[Command]:
        """Let time pass: nodes beat, and the machine does what is due."""
        until = self.now + seconds
        commands: list[Command] = []
        while True:
            due = self.machine.next_deadline()
            step = self._beat_at if due is None else min(due, self._beat_at)
            if step > until:
                break
            self.now = max(step, self.now)
            if self.now >= self._beat_at:
                self._beat_at += BEAT_S
                for name, told in self.told.items():
                    if not told.silent:
                        commands += self.report(name)
            advanced = self.machine.advance(now=self.now)
            self.machine.validate()
            self.commands += advanced
            commands += advanced
            after = self.machine.next_deadline()
            assert after is None or after > self.now, "advance left something due"
        self.now = until
        return commands

    def node(self, name: str) -> NodeSnapshot:
        return next(node for node in self.machine.nodes() if node.name == name)

    def model(self, name: str = "llama") -> ModelSnapshot:
        return next(model for model in self.machine.models() if model.name == name)

    def task(self, name: str) -> TaskSnapshot:
        text = task_text(task_id(name))
        return next(task for task in self.machine.tasks() if task.id == text)


def only(kind: type[C], commands: list[Command]) -> C:
    """The one command of this kind."""
    found = all_of(kind, commands)
    assert len(found) == 1, commands
    return found[0]


def all_of(kind: type[C], commands: list[Command]) -> list[C]:
    return [command for command in commands if isinstance(command, kind)]


def with_fields(struct: C, **fields: Any) -> C:
    return msgspec.structs.replace(struct, **fields)  # type: ignore[type-var]
