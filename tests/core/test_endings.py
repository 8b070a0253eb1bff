from __future__ import annotations

from clubai.core.commands import FailTask, RecordTask
from clubai.core.endings import MAX_MESSAGE
from clubai.model import FailCode
from support.scene import Scene, all_of, only, task_id


def test_every_end_is_recorded_once_and_before_it_is_told() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    commands = scene.fail("a", "t", FailCode.BAD_REQUEST)

    assert [type(command) for command in commands] == [RecordTask, FailTask]


def test_a_long_text_of_a_node_is_cut() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    failure = only(FailTask, scene.fail("a", "t", message="x" * 5000))

    assert failure.message == "x" * MAX_MESSAGE


def test_the_reason_of_a_failure_is_shown() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.fail("a", "t", FailCode.BAD_REQUEST, message="no such role")

    assert scene.task("t").reason == "bad_request: no such role"
    assert scene.task("t").state == "failed"
    assert scene.machine.story(task_id("t"))[-1] == (
        "+0.000 s failed: bad_request: no such role"
    )


def test_the_time_in_the_queue_of_a_refused_task_is_kept() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.accept("a", "t")
    scene.ask("u", wait_s=12.0)
    facts = only(RecordTask, scene.wait(13.0)).facts

    assert (facts.queued_ms, facts.total_ms, facts.first_token_ms) == (
        12_000,
        12_000,
        0,
    )
    assert not all_of(RecordTask, scene.wait(100.0))
