"""What is done by hand to what is under way: tasks ended, nodes sent away, remarks.

Each is written to the audit log. A node's lines there name it by its nickname, the
first 12 characters of its id, as all lines about nodes do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import anyio
import msgspec

from clubai.coordinator.audit import AuditLog
from clubai.coordinator.driver import Driver
from clubai.coordinator.grants import SCOPE_OF_KIND, Member, require, require_role
from clubai.core.events import Event, NodeKicked, TaskStopped
from clubai.errors import ConfigError, NotFound, RateLimited, TooLate
from clubai.model import (
    FailCode,
    NodeId,
    StoryLine,
    TaskId,
    TaskSnapshot,
    node_nickname,
    node_text,
    task_text,
)

MOST_CHARACTERS: Final = 200
"""Of a remark, and of the reason for sending a node away."""
_TASK_BYTES: Final = 16
_BY_ASKER: Final = "cancelled by the member who asked"
_BY_OPERATOR: Final = "cancelled by an operator"
_KICKED: Final = "an operator ended the node's connection"


class TaskStory(msgspec.Struct, frozen=True, kw_only=True):
    """One task, and what happened to it: never what was asked or answered."""

    task: TaskSnapshot
    story: tuple[StoryLine, ...]


class NodeNamed(msgspec.Struct, frozen=True, kw_only=True):
    """Which node it was."""

    node: str
    nickname: str
    name: str


class Interventions:
    """What operators, and members with their own tasks, do by hand in one coordinator.

    Args:
        driver: Whose machine has the tasks and the nodes.
        audit: What is done is written there.
        find: The node with this name, nickname or beginning of its id. Raises
            `ConfigError`.
        name: What a node is called.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        audit: AuditLog,
        find: Callable[[str], NodeId],
        name: Callable[[NodeId], str],
    ) -> None:
        self._driver = driver
        self._audit = audit
        self._find = find
        self._name = name

    def task(self, member: Member, task: str) -> TaskStory:
        """One's own task, live or of the last that ended; an operator's are all.

        Raises:
            PermissionDenied: the key is not for looking.
            NotFound: there is no such task, it is another's, or it is forgotten.
        """
        require(member, "looking at a task", "read")
        task_id, snapshot = self._task(member, task)
        story = self._driver.machine.timeline(task_id)
        return TaskStory(task=snapshot, story=story)

    async def cancel(self, member: Member, task: str) -> TaskSnapshot:
        """End a live task, one's own or as an operator; gives how it is then.

        Its node stops and has its slot again, and nobody loses points by it.

        Raises:
            PermissionDenied: the key is not for asking such things.
            NotFound: there is no such task, it is another's, or it is forgotten.
            TooLate: it has ended.
            RateLimited: the coordinator is too far behind to take it.
        """
        task_id, before = self._task(member, task)
        own = before.member == member.id
        if own:
            require(member, "cancelling this task", SCOPE_OF_KIND[before.kind])
        reason = _BY_ASKER if own else _BY_OPERATOR
        _refuse_ended(before)
        # Whoever asked may go away: what was done is also written down.
        with anyio.CancelScope(shield=True):
            await self._settle(TaskStopped(task=task_id, reason=reason))
            _, after = self._task(member, task)
            if after.reason != f"{FailCode.CANCELLED}: {reason}":
                _refuse_ended(after)
            await self._audit.write(
                "task.cancelled",
                actor=member.id,
                object=task_text(task_id),
                detail=f"asked by {before.member}",
            )
        return after

    async def kick(self, member: Member, node: str, why: str = "") -> NodeNamed:
        """End a node's connection. It may come back by itself, within seconds.

        Its tasks go to others. It costs the node no points: its judge is told of no
        missed answer, and the promised hour that runs cannot be broken any more.

        Raises:
            PermissionDenied: the member is no operator.
            ConfigError: there is no such node, or `why` cannot be used.
            TooLate: it is not connected.
            RateLimited: the coordinator is too far behind to take it.
        """
        require_role(member, "ending a node's connection", "operator")
        reason = _one_line(why, "why")
        node_id = self._find(node)
        if not self._driver.machine.is_here(node_id):
            raise TooLate(f"node {node_nickname(node_id)} is not connected")
        told = f"{_KICKED}: {reason}" if reason else _KICKED
        with anyio.CancelScope(shield=True):
            await self._settle(NodeKicked(node=node_id, reason=told))
            await self._write(member, "node.kicked", node_id, reason)
        return self._named(node_id)

    async def note(self, member: Member, node: str, text: str) -> NodeNamed:
        """Leave a remark on a node. It is in the audit log, and nowhere else.

        Raises:
            PermissionDenied: the member is no operator.
            ConfigError: there is no such node, or the text cannot be used.
        """
        require_role(member, "leaving a remark on a node", "operator")
        remark = _one_line(text, "text")
        if not remark:
            fix = f"say something, in at most {MOST_CHARACTERS} characters"
            raise ConfigError("text", text[:40], fix)
        node_id = self._find(node)
        await self._write(member, "node.noted", node_id, remark)
        return self._named(node_id)

    def _task(self, member: Member, task: str) -> tuple[TaskId, TaskSnapshot]:
        task_id = _task_id(task)
        found = None if task_id is None else self._driver.machine.task(task_id)
        mine = found is not None and found.member == member.id
        if task_id is None or found is None or not (mine or member.role == "operator"):
            raise NotFound(
                f"you have no task {task[:40]!r}: only the last ones are remembered,"
                " and `clubai tasks` lists them"
            )
        return task_id, found

    async def _settle(self, event: Event) -> None:
        if not await self._driver.settle(event):
            raise RateLimited("changes by hand at once", 1.0)

    async def _write(
        self, member: Member, action: str, node: NodeId, detail: str
    ) -> None:
        await self._audit.write(
            action, actor=member.id, object=node_nickname(node), detail=detail
        )

    def _named(self, node: NodeId) -> NodeNamed:
        return NodeNamed(
            node=node_text(node), nickname=node_nickname(node), name=self._name(node)
        )


def _task_id(text: str) -> TaskId | None:
    try:
        task = TaskId(bytes.fromhex(text))
    except ValueError:
        return None
    return task if len(task) == _TASK_BYTES else None


def _refuse_ended(task: TaskSnapshot) -> None:
    if task.state in ("done", "failed"):
        raise TooLate(f"task {task.id} has ended already: it is {task.state}")


def _one_line(text: str, field: str) -> str:
    line = text.strip()
    if len(line) > MOST_CHARACTERS or (line and not line.isprintable()):
        fix = f"say it in one line of at most {MOST_CHARACTERS} characters"
        raise ConfigError(field, line[:40], fix)
    return line
