from __future__ import annotations

from clubai.core.moment import since_ms
from clubai.core.news import News
from clubai.core.tasks import Task
from clubai.model import FailCode
from support.scene import Scene, task_id


def test_a_moment_stays_as_it_was() -> None:
    scene = Scene()
    moments = []

    def take(task: Task, now: float) -> None:
        moments.append((task.moment(), task.snapshot()))

    news: News = scene.machine.news
    news.task = take
    scene.join("attic")
    scene.ask("t")
    scene.wait(1.5)
    scene.run("attic", "t", 2.0, tokens=10)

    assert [moment.snapshot() for moment, _ in moments] == [seen for _, seen in moments]
    queued, *_, done = (moment.snapshot() for moment, _ in moments)
    assert (queued.state, queued.node, queued.total_ms) == ("queued", "", 0)
    assert (done.id, done.state) == (task_id("t").hex(), "done")
    assert (done.first_token_ms, done.total_ms, done.completion_tokens) == (
        1500,
        3500,
        10,
    )


def test_a_failure_has_its_code_and_words() -> None:
    scene = Scene()
    scene.join("attic")
    scene.ask("t")
    scene.fail("attic", "t", FailCode.BAD_REQUEST, message="no such role")

    assert scene.task("t").reason == "bad_request: no such role"


def test_what_did_not_come_takes_no_time() -> None:
    assert since_ms(5.0, 0.0) == 0
    assert since_ms(5.0, 4.0) == 0
    assert since_ms(5.0, 5.25) == 250
