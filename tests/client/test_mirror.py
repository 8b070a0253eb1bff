from __future__ import annotations

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from clubai.client import mirror as mirror_module
from clubai.client.feed import FeedState
from clubai.client.mirror import Mirror
from clubai.coordinator.following import Counts
from clubai.coordinator.happenings import Happenings
from clubai.core.events import FactTold
from clubai.model import ClubSnapshot, MemberId, ModelSnapshot, node_text
from clubai.protocol.feed import ClubEvent, FeedSnapshot
from clubai.reputation.facts import PointsAdjusted, TrustChanged
from clubai.reputation.judge import Judge
from clubai.reputation.rules import Rules
from support.memory_club import ALICE
from support.scene import Scene, node_id, offer

NAMES = ("ant", "bee")
OPERATOR = MemberId("m_op")
Step = tuple[str, int, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("ask", "ask", "run", "run", "fail", "join", "leave", "silence"),
                *("pause", "offer", "points", "trust", "wait"),
            ]
        ),
        st.integers(0, 1),
        st.integers(0, 3),
    ),
    max_size=25,
)


class World:
    """A club's machine, and what a follower of it gets."""

    def __init__(self) -> None:
        self.scene = Scene(judge=Judge(Rules()))
        self.happenings = Happenings("boot", owner_name=str, node_name=lambda node: "")
        news = self.scene.machine.news
        news.task, news.node = self.happenings.task, self.happenings.node
        news.standing = self.happenings.standing
        self.counts = Counts(
            lambda: self.shown().stats, self.scene.machine.nodes, self.models
        )
        self.asked = 0
        self.at = 0

    def models(self) -> tuple[ModelSnapshot, ...]:
        return self.scene.machine.models()

    def shown(self) -> ClubSnapshot:
        machine, now = self.scene.machine, self.scene.now
        return ClubSnapshot(
            stats=machine.stats(now=now, started_at=0.0, members=1, tasks_before=0),
            models=machine.models(),
            nodes=machine.nodes(),
            tasks=machine.tasks(),
        )

    def snapshot(self) -> FeedSnapshot:
        shown, self.at = self.shown(), self.happenings.ring.last
        return FeedSnapshot(
            **{name: getattr(shown, name) for name in shown.__struct_fields__},
            boot="boot-operator",
            seq=self.at,
            role="operator",
        )

    def events(self) -> list[ClubEvent]:
        events, self.at = self.happenings.read(self.at, 10_000, ALICE)
        return events

    def step(self, what: str, which: int, number: int) -> None:
        scene, name = self.scene, NAMES[which]
        here = name in scene.told
        leased = [
            (task, lease)
            for task in scene.machine._tasks.live.values()
            for lease in [task.nodes[-1] if task.leased else None]
            if lease == node_id(name)
        ]
        match what:
            case "ask":
                scene.ask(f"t{self.asked}")
                self.asked += 1
            case "run" | "fail" if leased and here:
                task = leased[number % len(leased)][0]
                told = task.request.task.decode().rstrip("-")
                if what == "run":
                    scene.run(name, told, 1.5, tokens=5, attempt=task.attempt)
                else:
                    scene.fail(name, told, attempt=task.attempt)
            case "join":
                scene.join(name, slots=number)
            case "leave" if here:
                scene.leave(name)
            case "silence" if here:
                scene.told[name].silent = True
                scene.wait(60)
                scene.told.pop(name)
            case "pause" if here:
                scene.report(name, paused=number % 2 == 0)
            case "offer" if here:
                scene.report(name, models=(offer("llama", context=number),))
            case "points" | "trust" if here:
                node = node_id(name)
                scene.tell(
                    FactTold(
                        fact=PointsAdjusted(
                            node=node, points=number + 1, by=OPERATOR, why="so"
                        )
                        if what == "points"
                        else TrustChanged(
                            node=node, trusted=number % 2 == 0, by=OPERATOR
                        )
                    )
                )
            case "wait":
                scene.wait(5.0 * number)


@settings(max_examples=60)
@given(before=steps, after=steps)
def test_a_snapshot_and_what_follows_are_the_next_snapshot(
    before: list[Step], after: list[Step]
) -> None:
    world, mirror = World(), Mirror()
    world.scene.join("ant")
    for step in before:
        world.step(*step)
    mirror.take(world.snapshot())
    assert mirror.snapshot() == world.shown()

    for step in after:
        world.step(*step)
    for item in world.events():
        event(f"{item.kind} {item.what}")
        mirror.take(item)
    counts = world.counts.news(world.at)
    if counts is not None:
        mirror.take(counts)

    assert mirror.snapshot() == world.shown()


def test_it_shows_nothing_before_the_first_snapshot() -> None:
    mirror = Mirror()
    mirror.take(FeedState(connected=False, since=0.0, gaps=0))

    assert mirror.snapshot() is None
    assert mirror.role == ""


def test_another_snapshot_takes_the_place_of_all() -> None:
    world, mirror = World(), Mirror()
    world.scene.join("ant")
    world.scene.ask("t")
    mirror.take(world.snapshot())
    empty = msgspec.structs.replace(world.snapshot(), nodes=(), tasks=(), role="member")

    mirror.take(empty)

    assert (mirror.role, mirror.nodes, mirror.live, mirror.ended) == (
        "member",
        {},
        {},
        {},
    )


def test_what_is_over_is_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_module, "MOST_ENDED", 2)
    monkeypatch.setattr(mirror_module, "MOST_LOST", 1)
    world, mirror = World(), Mirror()
    mirror.take(world.snapshot())
    for number in range(3):
        world.scene.ask(f"t{number}")
    for name in NAMES:
        world.scene.join(name)
        world.step("silence", NAMES.index(name), 0)
    for item in world.events():
        mirror.take(item)

    assert [task.id for task in mirror.ended.values()] == [
        task.id for task in reversed(world.shown().tasks[:2])
    ]
    assert [(node.name, node.state) for node in mirror.nodes.values()] == [
        ("bee", "lost")
    ]


def test_points_of_a_node_that_is_not_here_are_nobodys() -> None:
    world, mirror = World(), Mirror()
    world.scene.join("ant")
    mirror.take(world.snapshot())
    mirror.nodes.clear()
    world.step("points", 0, 1)

    for item in world.events():
        mirror.take(item)

    assert mirror.nodes == {}


def test_nodes_that_change_come_back_or_lose_trust() -> None:
    world, mirror = World(), Mirror()
    for name in NAMES:
        world.step("join", NAMES.index(name), 2)
    world.step("trust", 0, 0)
    mirror.take(world.snapshot())

    world.step("offer", 0, 3)
    world.step("trust", 0, 1)
    changed = world.events()
    world.step("silence", 1, 0)
    world.step("leave", 0, 0)
    world.step("join", 0, 1)

    for item in changed:
        mirror.take(item)
    ant = mirror.nodes[node_text(node_id("ant"))]
    assert ant.standing is not None
    assert not ant.standing.trusted
    assert ant.models == (offer("llama", context=3),)
    for item in world.events():
        mirror.take(item)
    assert [(node.name, node.state) for node in mirror.nodes.values()] == [
        ("ant", "alive"),
        ("bee", "lost"),
    ]
