"""Who waits, and whose turn it is: one fair queue per model.

Members take turns, whatever model they ask for; inside a member and a model the first
comes first. A member that begins to wait joins the end of the rotation, and so does one
that was just served: nobody can be passed over for ever. A task that is tried again has
its old place among its member's.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from clubai.core.tasks import Task
from clubai.model import MemberId

Line = list[Task]
"""The waiting tasks of one member for one model, by arrival."""


class FairQueue:
    """All tasks that wait for a node."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[MemberId, Line]] = {}
        self._sizes: dict[MemberId, int] = {}
        self._turns: dict[MemberId, int] = {}
        self._last_turn = 0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def size_of(self, member: MemberId) -> int:
        """How many tasks of a member wait."""
        return self._sizes.get(member, 0)

    def size_for(self, model: str) -> int:
        """How many tasks wait for a model; O(members that wait for it)."""
        return sum(map(len, self._lines.get(model, {}).values()))

    def has(self, model: str) -> bool:
        """Whether any task waits for the model."""
        return model in self._lines

    def lines(self, model: str) -> Iterable[tuple[int, Line]]:
        """Each waiting member's turn (the least is next) and tasks for a model."""
        for member, line in self._lines.get(model, {}).items():
            yield self._turns[member], line

    def add(self, task: Task) -> None:
        """Let a task wait."""
        member = task.request.member
        if member not in self._turns:
            self._turns[member] = self._next_turn()
        line = self._lines.setdefault(task.request.model, {}).setdefault(member, [])
        insort(line, task, key=_order)
        task.waiting = True
        self._sizes[member] = self._sizes.get(member, 0) + 1
        self._size += 1

    def remove(self, task: Task) -> None:
        """Let a task wait no longer."""
        member, model = task.request.member, task.request.model
        lines = self._lines[model]
        line = lines[member]
        del line[bisect_left(line, task.order, key=_order)]
        task.waiting = False
        self._size -= 1
        self._sizes[member] -= 1
        if not line:
            del lines[member]
        if not lines:
            del self._lines[model]
        if not self._sizes[member]:
            del self._sizes[member], self._turns[member]

    def serve(self, member: MemberId) -> None:
        """Put a member that was just served at the end of the rotation."""
        if member in self._turns:
            self._turns[member] = self._next_turn()

    def position(self, task: Task) -> int:
        """Place in the queue for its model, from 1, that it has or would have now."""
        member = task.request.member
        lines = self._lines.get(task.request.model, {})
        before = bisect_left(lines.get(member, []), task.order, key=_order)
        turn = self._turns.get(member, self._last_turn + 1)
        ahead = before
        for other, line in lines.items():
            if other != member:
                ahead += min(len(line), before + (self._turns[other] < turn))
        return ahead + 1

    def in_order(self, model: str) -> list[Task]:
        """The tasks that wait for a model, the next one first."""
        keyed = [
            (place, turn, task)
            for turn, line in self.lines(model)
            for place, task in enumerate(line)
        ]
        keyed.sort(key=lambda entry: entry[:2])
        return [task for _, _, task in keyed]

    def _next_turn(self) -> int:
        self._last_turn += 1
        return self._last_turn


def _order(task: Task) -> int:
    return task.order
