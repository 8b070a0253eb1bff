"""A task as it is at one moment: quick to take, and shown only if somebody looks.

Each change of every task is taken down so, and most are never looked at.
"""

from __future__ import annotations

import msgspec

from clubai.core.events import TaskRequested
from clubai.model import FailCode, TaskSnapshot, TaskState, Usage, task_text


class TaskMoment(msgspec.Struct, frozen=True, gc=False):
    """What may change of a task, beside its request. Fields are given by place."""

    request: TaskRequested
    state: TaskState
    node: str
    """Text of the id of the node that was chosen last."""
    node_name: str
    attempts: int
    code: FailCode | None
    message: str
    wait_text: str
    created_at: float
    ended_at: float
    queued_s: float
    replied_at: float
    usage: Usage

    def snapshot(self) -> TaskSnapshot:
        """Show it."""
        request = self.request
        chosen = self.state != "queued"
        return TaskSnapshot(
            id=task_text(request.task),
            member=request.member,
            model=request.model,
            kind=request.kind,
            mode=request.mode,
            state=self.state,
            node=self.node if chosen else "",
            node_name=self.node_name if chosen else "",
            attempts=self.attempts,
            reason=self._reason(),
            created_at=self.created_at,
            ended_at=self.ended_at,
            queued_ms=round(self.queued_s * 1000),
            first_token_ms=since_ms(self.created_at, self.replied_at),
            total_ms=since_ms(self.created_at, self.ended_at),
            prompt_tokens=self.usage.prompt_tokens,
            completion_tokens=self.usage.completion_tokens,
        )

    def _reason(self) -> str:
        if self.state == "failed":
            return f"{self.code}: {self.message}"
        return self.wait_text if self.state == "queued" else ""


def since_ms(begin: float, end: float) -> int:
    """Milliseconds between two times; 0 when the second, 0, did not come."""
    return max(round((end - begin) * 1000), 0) if end else 0
