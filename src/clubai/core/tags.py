"""Tags of answers that are compared: kept until all of a group are in, then released.

A node's tag says nothing about its answer to whoever lacks the group's key, and yet two
tags can be compared. None is released before every task of the group has ended, or the
group's time is over: a node that saw another's tag could repeat it without any work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from clubai.core.admission import Refusal
from clubai.core.commands import Command, ReleaseTags
from clubai.core.deadlines import Deadlines
from clubai.core.events import ClientKey
from clubai.core.tasks import Task, believable_seconds
from clubai.model import AnswerTag, FailCode

MAX_GROUP: Final = 64
"""Tasks in one group."""
MAX_GROUPS: Final = 10_000
"""Groups that are under way at once."""


class GroupKey(NamedTuple):
    """One group: two clients never share one, whatever they call it."""

    client: ClientKey
    group: bytes


@dataclass(slots=True, eq=False)
class TagGroup:
    """The tags of one comparison so far."""

    size: int
    joined: int = 0
    ended: int = 0
    tags: list[AnswerTag] = field(default_factory=list)


class TagGroups:
    """The groups that are under way."""

    def __init__(self) -> None:
        self._groups: dict[GroupKey, TagGroup] = {}
        self.deadlines: Deadlines[GroupKey] = Deadlines()

    def __len__(self) -> int:
        return len(self._groups)

    def join(self, task: Task, now: float) -> Refusal | None:
        """Count a new task into its group, if it names one."""
        request = task.request
        if not request.group:
            return None
        key = GroupKey(request.client, request.group)
        group = self._groups.get(key)
        if group is None:
            if not 2 <= request.group_size <= MAX_GROUP:
                return _bad(f"a group has 2 to {MAX_GROUP} tasks")
            if len(self._groups) >= MAX_GROUPS:
                text = "too many answers are being compared"
                return Refusal(FailCode.RATE_LIMITED, text, 5.0)
            group = self._groups[key] = TagGroup(request.group_size)
            by = now + believable_seconds(request.deadline_s)
            self.deadlines.wake(key, by=by)
        if group.size != request.group_size:
            return _bad(f"the group has {group.size} tasks")
        if group.joined >= group.size:
            return _bad(f"all {group.size} tasks of the group are there already")
        group.joined += 1
        task.grouped = True
        return None

    def ended(self, task: Task, out: list[Command]) -> None:
        """Take the tags of an ended task; release the group's when it is the last."""
        key = GroupKey(task.request.client, task.request.group)
        group = self._groups.get(key)
        if group is None or not task.grouped:
            return
        group.ended += 1
        if task.state == "done":
            group.tags.append(
                AnswerTag(
                    task=task.request.task,
                    node=task.nodes[-1],
                    eq=task.eq,
                    sketch=task.sketch,
                )
            )
        if group.ended >= group.size:
            self._release(key, group, out)

    def due(self, now: float, out: list[Command]) -> None:
        """Release what is there of the groups whose time is over."""
        for key in self.deadlines.take_due(now):
            self._release(key, self._groups[key], out)

    def client_left(self, client: ClientKey) -> None:
        """Forget the groups of a client that is gone."""
        for key in [key for key in self._groups if key.client == client]:
            self._forget(key)

    def _release(self, key: GroupKey, group: TagGroup, out: list[Command]) -> None:
        self._forget(key)
        out.append(
            ReleaseTags(
                client=key.client,
                group=key.group,
                tags=tuple(group.tags),
                missing=group.size - len(group.tags),
            )
        )

    def _forget(self, key: GroupKey) -> None:
        del self._groups[key]
        self.deadlines.forget(key)


def _bad(text: str) -> Refusal:
    return Refusal(FailCode.BAD_REQUEST, text, None)
