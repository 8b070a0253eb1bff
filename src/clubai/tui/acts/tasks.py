"""What can be done to tasks."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from clubai.model import TaskSnapshot
from clubai.tui.acts.act import Act
from clubai.tui.tables.tasks import ID_SHOWN
from clubai.tui.timeline import ENDED


def task_path(task: str) -> str:
    """The path of a task."""
    return f"/api/tasks/{quote(task, safe='')}"


def cancel(task: TaskSnapshot) -> Act:
    """End a live task."""
    return Act(
        f"Cancel task {task.id[:ID_SHOWN]} ({task.model})",
        "It ends at once, at its node too, and whoever asked is told. No node loses "
        "points by it. The club kept nothing of it: it can only be asked again.",
        "DELETE",
        task_path(task.id),
        done="It was cancelled.",
    )


def cancel_live(tasks: Iterable[TaskSnapshot]) -> list[Act]:
    """Cancel those of the tasks that have not ended."""
    return [cancel(task) for task in tasks if task.state not in ENDED]
