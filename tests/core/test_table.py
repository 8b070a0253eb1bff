from __future__ import annotations

import math

import pytest

from clubai.core.limits import CoordinatorLimits
from clubai.core.news import News
from clubai.core.table import TaskTable
from clubai.errors import InvariantError
from support.scene import START, Scene, requested, task_id


def test_the_same_task_twice_is_a_bug_of_the_driver() -> None:
    table = TaskTable(CoordinatorLimits(), News())
    table.add(requested("t"), START)

    with pytest.raises(InvariantError) as caught:
        table.add(requested("t"), START)
    assert caught.value.story


def test_the_last_ended_tasks_are_remembered_with_their_stories() -> None:
    scene = Scene(ended_kept=3)
    scene.join("a")
    for number in range(5):
        scene.ask(f"t{number}")
        scene.finish("a", f"t{number}")
    scene.ask("live")

    names = ["live", "t4", "t3", "t2"]
    shown = [bytes.fromhex(task.id) for task in scene.machine.tasks()]
    assert shown == [task_id(name) for name in names]
    assert scene.machine.story(task_id("t1")) == ()
    assert scene.machine.story(task_id("t4"))[-1].endswith("done: 10 tokens")
    assert scene.machine.timeline(task_id("t1")) == ()
    assert scene.machine.timeline(task_id("t4"))[-1].what == "done: 10 tokens"
    assert scene.machine.task(task_id("t1")) is None
    assert scene.machine.task(task_id("t4")) == scene.task("t4")
    assert scene.machine.task(task_id("live")) == scene.task("live")
    assert scene.machine.story(task_id("live"))[-1].endswith("node 'a', attempt 0")


def test_counts_go_on_when_tasks_are_forgotten() -> None:
    scene = Scene(ended_kept=1)
    scene.join("a")
    for number in range(3):
        scene.ask(f"t{number}")
        scene.finish("a", f"t{number}", tokens=7)
    scene.ask("bad", model="none")
    stats = scene.machine.stats(
        now=scene.now, started_at=START, members=2, tasks_before=40
    )

    assert (stats.tasks_done, stats.tasks_failed, stats.tasks_ever) == (3, 1, 44)
    assert (stats.prompt_tokens, stats.completion_tokens) == (15, 21)
    assert (stats.slots, stats.slots_used, stats.members) == (1, 0, 2)


def test_nothing_is_kept_of_a_client_without_tasks() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t", client=5)
    scene.finish("a", "t")

    assert scene.machine._tasks._of_client == {}
    assert scene.machine._tasks.deadlines.next() == math.inf
