from __future__ import annotations

import anyio
import pytest

from clubai.coordinator.audit import AuditLog
from clubai.coordinator.grants import Member
from clubai.coordinator.happenings import Happenings, may_see
from clubai.core.events import FactTold
from clubai.model import MemberId
from clubai.protocol.feed import ClubEvent, Position
from clubai.reputation.events import Change, StandingEvent
from clubai.reputation.facts import CheckEnded, CheckKind, PointsAdjusted
from clubai.reputation.judge import Judge
from clubai.reputation.rules import Rules
from clubai.storage import MemoryStore
from clubai.transport.bell import Bell
from support.clock import Clock
from support.memory_club import ALICE, BOB
from support.scene import Scene, node_id


def listening(scene: Scene, size: int = 100) -> Happenings:
    happenings = Happenings(
        "boot",
        owner_name=lambda member: member.removeprefix("m_"),
        node_name=lambda node: node.decode().rstrip("-"),
        size=size,
    )
    happenings.listen(scene.machine.news, AuditLog(MemoryStore(), clock=Clock()))
    return happenings


def words(happenings: Happenings, member: Member = ALICE) -> list[str]:
    return [
        f"{event.seq} {event.kind} {event.what}"
        for event in seen(happenings, member=member)
    ]


def seen(
    happenings: Happenings, seq: int = 0, limit: int = 1000, *, member: Member = ALICE
) -> list[ClubEvent]:
    events, _ = happenings.read(seq, limit, member)
    return events


def test_a_task_is_an_event_at_each_step_with_what_is_seen_of_it() -> None:
    scene = Scene()
    happenings = listening(scene)
    scene.join("attic")
    scene.ask("t", member=BOB.id)
    scene.run("attic", "t", 2.0, tokens=10)

    assert words(happenings) == [
        "1 node joined",
        "2 task queued",
        "3 task offered",
        "4 task running",
        "5 task replying",
        "6 task done",
    ]
    *_, last = seen(happenings, 0, 10)
    assert last.at == scene.now
    assert last.task == scene.task("t")
    assert last.task.completion_tokens == 10


def test_an_event_is_made_once_and_as_it_was() -> None:
    scene = Scene()
    happenings = listening(scene, size=4)
    scene.join("attic")
    scene.ask("t")
    scene.run("attic", "t", 2.0, tokens=10)

    first, again = seen(happenings, 0, 10), seen(happenings, 0, 10)

    assert [(e.seq, e.what) for e in first] == [
        (3, "offered"),
        (4, "running"),
        (5, "replying"),
        (6, "done"),
    ]
    assert all(one is other for one, other in zip(first, again, strict=True))
    assert happenings.read(4, 1, ALICE) == ([first[2]], 5)
    assert happenings.read(0, 2, BOB) == ([], 4)
    assert happenings.read(6, 2, BOB) == ([], 6)


def test_who_sees_what() -> None:
    scene = Scene(judge=Judge(Rules()))
    happenings = listening(scene)
    scene.join("attic")
    for name, member in (("hers", ALICE), ("his", BOB)):
        scene.ask(name, member=member.id, client=1 if member is ALICE else 2)
    hers = [e.task.member for e in seen(happenings, 0, 99) if e.task]
    carol = Member(id=MemberId("m_carol"), name="carol", role="auditor")

    assert set(hers) == {ALICE.id, BOB.id}
    for member, tasks in ((ALICE, {ALICE.id, BOB.id}), (BOB, {BOB.id}), (carol, set())):
        shown = seen(happenings, member=member)
        assert {event.task.member for event in shown if event.task} == tasks
        assert {event.kind for event in shown} >= {"node", "standing"}


@pytest.mark.parametrize(
    ("kind", "all_see"),
    [
        ("node", True),
        ("standing", True),
        ("review", True),
        ("month", True),
        ("member", False),
        ("check", False),
        ("task", False),
    ],
)
def test_members_and_checks_are_for_operators(kind: str, all_see: bool) -> None:
    event = ClubEvent(seq=1, at=0.0, kind=kind, what="x")  # type: ignore[arg-type]

    assert may_see(event, BOB) == all_see
    assert may_see(event, ALICE)


def test_nodes_are_shown_with_their_owners_by_name_and_lost_as_lost() -> None:
    scene = Scene()
    happenings = listening(scene)
    scene.join("attic", owner="m_alice")
    scene.told["attic"].silent = True
    scene.wait(60)

    joined, suspect, lost = (e.node for e in seen(happenings, 0, 9))
    assert joined is not None
    assert suspect is not None
    assert lost is not None
    assert (joined.owner, joined.state) == ("alice", "alive")
    assert (suspect.state, lost.state) == ("suspect", "lost")


def test_standing_reviews_and_checks() -> None:
    scene = Scene(judge=Judge(Rules()))
    scene.join("attic")
    happenings = listening(scene)
    node = node_id("attic")
    for fact in (
        PointsAdjusted(node=node, points=7, by=ALICE.id, why="thanks"),
        CheckEnded(
            node=node,
            check="c_1",
            model="llama",
            kind=CheckKind.KNOWN_ANSWER,
            passed=False,
            why="5 is not 4",
        ),
    ):
        scene.tell(FactTold(fact=fact))

    events = seen(happenings, 0, 99)
    adjusted, check = events[0].standing, events[-1].check
    assert adjusted is not None
    assert (adjusted.name, adjusted.change, adjusted.points) == ("attic", "adjusted", 7)
    assert adjusted.total == 107
    assert check is not None
    assert (check.id, check.name, check.passed) == ("c_1", "attic", False)
    assert words(happenings)[-1].endswith("check failed")


def test_reviews_are_a_kind_of_their_own() -> None:
    happenings = listening(Scene())
    happenings.standing(
        [
            StandingEvent(
                seq=number,
                at=5.0,
                node=node_id("attic"),
                member=BOB.id,
                change=change,
                why="three marks",
            )
            for number, change in enumerate(
                (Change.MARKED, Change.REVIEW_OPENED, Change.REVIEW_ENDED)
            )
        ]
    )

    assert words(happenings, BOB) == [
        "1 standing marked",
        "2 review opened",
        "3 review ended",
    ]
    opened = seen(happenings, 1, 1)[0].standing
    assert opened is not None
    assert (opened.number, opened.why) == (1, "three marks")


async def test_members_and_months_are_told_once_they_are_written() -> None:
    clock = Clock()
    audit = AuditLog(MemoryStore(), clock=clock)
    happenings = Happenings("b", owner_name=str, node_name=lambda node: "")
    happenings.listen(Scene().machine.news, audit)

    await audit.write("login.failed", object="m_x")
    await audit.write("member.registered", object="m_x", detail="member")
    await audit.write("role.changed", actor="m_a", object="m_x", detail="operator")
    await audit.write("month.closed", actor="m_a", object="2026-10")

    events = seen(happenings, 0, 9)
    assert [(e.kind, e.what, e.subject, e.detail) for e in events] == [
        ("member", "joined", "m_x", "member"),
        ("member", "role", "m_x", "operator"),
        ("month", "closed", "2026-10", ""),
    ]
    assert {event.at for event in events} == {clock.now}


def test_from_where_one_can_go_on() -> None:
    scene = Scene()
    happenings = listening(scene, size=2)
    for name in ("a", "b", "c"):
        scene.join(name)

    assert happenings.position(ALICE) == Position("boot-operator", 3)
    assert happenings.gap(happenings.position(ALICE), ALICE) == ""
    assert happenings.gap(Position("boot-operator", 1), ALICE) == ""
    assert "last 2 events" in happenings.gap(Position("boot-operator", 0), ALICE)
    assert "no such event" in happenings.gap(Position("boot-operator", 4), ALICE)
    assert "has changed" in happenings.gap(Position("boot-member", 3), ALICE)
    assert "started anew" in happenings.gap(Position("other-operator", 3), ALICE)


async def test_all_who_wait_are_woken_and_nobody_else_is_kept() -> None:
    scene = Scene()
    happenings = listening(scene)
    woken: list[int] = []

    async def wait(number: int) -> None:
        await happenings.changed(Bell())
        woken.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(wait, number)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await happenings.changed(Bell())
        await anyio.wait_all_tasks_blocked()
        scene.join("a")
        scene.join("b")

    assert sorted(woken) == [0, 1, 2]
    assert happenings._waiting == []
