"""The live tasks, the counts since the start, and the last tasks that ended."""

from __future__ import annotations

from clubai.core.deadlines import Deadlines
from clubai.core.events import ClientKey, TaskRequested
from clubai.core.limits import CoordinatorLimits
from clubai.core.news import News
from clubai.core.tasks import Task, new_task
from clubai.errors import InvariantError
from clubai.model import TaskId, TaskSnapshot, task_text


class TaskTable:
    """Every task that is under way, and a few that were."""

    def __init__(self, limits: CoordinatorLimits, news: News) -> None:
        self._limits = limits
        self.news = news
        self.live: dict[TaskId, Task] = {}
        """In the order of their requests."""
        self.deadlines: Deadlines[TaskId] = Deadlines()
        self.done = 0
        self.failed = 0
        self.retried = 0
        """Attempts made after another had failed."""
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self._of_client: dict[ClientKey, dict[TaskId, None]] = {}
        self._ended: dict[TaskId, Task] = {}
        self._order = 0

    def add(self, request: TaskRequested, now: float) -> Task:
        """Begin the task of a request.

        Raises:
            InvariantError: the driver gave a live task's id to another request.
        """
        if request.task in self.live:
            what = f"task {task_text(request.task)} is there already"
            raise InvariantError(what, self.story(request.task))
        self._order += 1
        task = new_task(request, self._order, now, now + self._limits.say_wait_s)
        self.live[request.task] = task
        self._of_client.setdefault(request.client, {})[request.task] = None
        return task

    def remove(self, task: Task) -> None:
        """Take an ended task out of the live ones, and count it."""
        request = task.request
        del self.live[request.task]
        self.deadlines.forget(request.task)
        tasks = self._of_client[request.client]
        del tasks[request.task]
        if not tasks:
            del self._of_client[request.client]
        if task.state == "done":
            self.done += 1
        else:
            self.failed += 1
        self.prompt_tokens += task.usage.prompt_tokens
        self.completion_tokens += task.usage.completion_tokens
        self._ended.pop(request.task, None)
        self._ended[request.task] = task
        if len(self._ended) > self._limits.ended_kept:
            del self._ended[next(iter(self._ended))]

    def of_client(self, client: ClientKey) -> list[Task]:
        """The live tasks of a client, oldest first."""
        return [self.live[task] for task in self._of_client.get(client, {})]

    def story(self, task: TaskId) -> tuple[str, ...]:
        """What happened to a task, while it is remembered."""
        found = self.find(task)
        return found.lines() if found else ()

    def find(self, task: TaskId) -> Task | None:
        """A live task, or an ended one while it is remembered."""
        return self.live.get(task) or self._ended.get(task)

    def snapshots(self) -> tuple[TaskSnapshot, ...]:
        """The live tasks, then those that ended, the newest first in both."""
        newest_first = (*reversed(self.live.values()), *reversed(self._ended.values()))
        return tuple(task.snapshot() for task in newest_first)
