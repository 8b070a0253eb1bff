from __future__ import annotations

from clubai.tui.acts.tasks import cancel, cancel_live, task_path
from support.dashboard import task


def test_a_task_is_cancelled_by_its_whole_id() -> None:
    act = cancel(task(3))

    assert (act.method, act.path) == ("DELETE", f"/api/tasks/{3:032x}")
    assert act.title == "Cancel task 00000000 (qwen3-8b)"
    assert not act.reason


def test_ended_tasks_are_left_out() -> None:
    acts = cancel_live(task(number) for number in range(6))

    assert [act.path for act in acts] == [task_path(f"{n:032x}") for n in range(4)]


def test_an_id_cannot_change_the_path() -> None:
    assert task_path("../nodes") == "/api/tasks/..%2Fnodes"
