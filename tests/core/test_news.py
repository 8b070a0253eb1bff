from __future__ import annotations

from collections.abc import Sequence

from clubai.core.events import FactTold
from clubai.core.news import NodeNews
from clubai.core.nodes import Node
from clubai.core.tasks import Task
from clubai.model import FailCode, MemberId, NodeId
from clubai.reputation.events import StandingEvent
from clubai.reputation.facts import Fact, TrustChanged
from clubai.reputation.judge import Judge
from clubai.reputation.rules import Rules
from support.scene import Scene, node_id, offer, task_id


class Ear:
    """Takes down what a machine says, in words."""

    def __init__(self, scene: Scene) -> None:
        self.heard: list[str] = []
        news = scene.machine.news
        news.task, news.node = self.task, self.node
        news.standing, news.fact = self.standing, self.fact

    def task(self, task: Task, now: float) -> None:
        name = task.request.task.decode().rstrip("-")
        place = f" at {task.node_name}" if task.leased else ""
        self.heard.append(f"{name} {task.state}{place}")

    def node(self, node: Node, news: NodeNews, now: float) -> None:
        self.heard.append(f"{node.name} {news}")

    def standing(self, events: Sequence[StandingEvent]) -> None:
        self.heard += [f"standing {event.change.value}" for event in events]

    def fact(self, fact: Fact, now: float) -> None:
        self.heard.append(type(fact).__name__)

    def take(self) -> list[str]:
        heard, self.heard = self.heard, []
        return heard


def test_a_task_is_told_at_each_step() -> None:
    scene = Scene()
    ear = Ear(scene)
    scene.join("a")
    scene.ask("t")
    scene.accept("a", "t")
    scene.reply("a", "t")
    scene.finish("a", "t")

    assert ear.take() == [
        "a joined",
        "t queued",
        "t offered at a",
        "t running at a",
        "t replying at a",
        "t done",
    ]


def test_a_task_that_is_tried_elsewhere_is_queued_between() -> None:
    scene = Scene()
    for name in ("a", "b"):
        scene.join(name)
    scene.ask("t", pinned=(node_id("a"), node_id("b")))
    first = scene.task("t").node_name
    ear = Ear(scene)

    scene.fail(first, "t")

    second = {"a": "b", "b": "a"}[first]
    assert ear.take() == ["t queued", f"t offered at {second}"]


def test_a_task_says_anew_why_it_waits_and_that_it_failed() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("first")
    ear = Ear(scene)
    scene.ask("second")
    assert ear.take() == ["second queued", "second queued"]

    scene.cancel("second")

    assert ear.take() == ["second failed"]
    assert scene.task("second").reason.startswith(FailCode.CANCELLED)


def test_what_becomes_of_a_node() -> None:
    scene = Scene()
    ear = Ear(scene)
    scene.join("a")
    scene.report("a")
    scene.report("a", models=(offer("other"),))
    scene.report("a", paused=True)
    scene.report("a", paused=False)
    scene.hold("a", drain=True)
    scene.hold("a", paused=False)
    scene.hold("a", paused=False)
    scene.leave("a")

    assert ear.take() == [
        "a joined",
        "a changed",
        "a paused",
        "a alive",
        "a draining",
        "a alive",
        "a left",
    ]


def test_a_silent_node_is_suspect_then_lost_before_its_work_moves() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.accept("a", "t")
    ear = Ear(scene)

    scene.told["a"].silent = True
    scene.wait(30)
    assert ear.take() == ["a suspect"]
    scene.wait(30)

    assert ear.take()[:2] == ["a lost", "t queued"]


def test_a_node_that_is_heard_again_is_told() -> None:
    scene = Scene()
    scene.join("a")
    scene.told["a"].silent = True
    scene.wait(30)
    ear = Ear(scene)

    scene.report("a")

    assert ear.take() == ["a alive"]


def test_standing_and_facts_are_told_with_what_they_change() -> None:
    scene = Scene(judge=Judge(Rules()))
    ear = Ear(scene)
    scene.join("a")
    assert ear.take()[0] == "standing joined"
    assert scene.node("a").standing is not None

    fact = TrustChanged(node=NodeId(node_id("a")), trusted=True, by=MemberId("m_op"))
    scene.tell(FactTold(fact=fact))

    assert ear.take() == ["standing trusted", "TrustChanged"]


def test_nobody_has_to_listen() -> None:
    scene = Scene(judge=Judge(Rules()))
    scene.join("a")
    scene.ask("t")
    scene.run("a", "t", 1.0, 10)

    assert scene.machine.story(task_id("t"))
