from __future__ import annotations

from collections import Counter

import pytest

from clubai.core.commands import FailTask, OfferTask, RecordStanding, RecordTask
from clubai.core.events import FactTold
from clubai.core.limits import CoordinatorLimits
from clubai.core.standing import Owed
from clubai.model import CLUB_ID, FailCode, MemberId, NodeStanding
from clubai.reputation.events import Change, StandingEvent
from clubai.reputation.facts import (
    CheckEnded,
    CheckKind,
    LieProved,
    NodeAppeared,
    PauseAnnounced,
    PointsAdjusted,
    Promised,
    SuspensionEnded,
)
from clubai.reputation.judge import Judge
from clubai.reputation.promise import parse_schedule
from clubai.reputation.rules import ASKED, CLUB
from support.scene import START, Scene, all_of, node_id, offer, only, task_id

OWED = Owed(node=node_id("a"), model="llama")


def taken(scene: Scene) -> list[Owed]:
    """All audits that are owed."""
    return list(iter(scene.machine.standing.take_owed, None))


def changes(scene: Scene) -> list[StandingEvent]:
    return [
        event
        for kept in all_of(RecordStanding, scene.commands)
        for event in kept.events
    ]


def of(scene: Scene, change: Change) -> list[StandingEvent]:
    return [event for event in changes(scene) if event.change is change]


def lie(scene: Scene, name: str, times: int = 1) -> None:
    for _ in range(times):
        fact = LieProved(node=node_id(name), cause="task:00", why="it signed another")
        scene.tell(FactTold(fact=fact))


def judged(**limits: float) -> Scene:
    return Scene(judge=Judge(CLUB), **limits)


def test_a_node_that_comes_begins_with_the_starting_points() -> None:
    scene = judged()
    scene.join("a")

    [event] = of(scene, Change.JOINED)
    assert (event.total, event.node) == (100, node_id("a"))
    assert scene.node("a").standing == NodeStanding(points=100, held=0)


def test_without_a_judge_nothing_is_told() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.run("a", "t", 1, 10)

    assert changes(scene) == []
    assert scene.node("a").standing is None
    assert scene.machine.standing.take_owed() is None


def test_an_answer_is_held_until_an_audit_and_recorded_with_its_task() -> None:
    scene = judged()
    scene.join("a")
    scene.ask("t")
    ended = scene.run("a", "t", 1, 10)

    [event] = of(scene, Change.COMPLETED)
    assert (event.points, event.held) == (0, 10)
    assert event.cause == f"task:{task_id('t').hex()}"
    assert only(RecordTask, ended) in ended
    assert scene.node("a").standing == NodeStanding(points=100, held=10)


def test_the_rules_that_were_asked_for_pay_at_once() -> None:
    scene = Scene(judge=Judge(ASKED))
    scene.join("a")
    scene.ask("t")
    scene.run("a", "t", 1, 10)

    assert scene.node("a").standing == NodeStanding(points=110, held=0)


def test_a_new_node_owes_an_audit_for_each_task() -> None:
    scene = judged()
    scene.join("a")
    assert taken(scene) == [OWED] * 20
    scene.ask("t")
    scene.run("a", "t", 1, 10)

    assert taken(scene) == [OWED]


def test_checks_and_embeddings_owe_nothing() -> None:
    scene = judged()
    scene.join("a")
    taken(scene)
    scene.ask("check", member=CLUB_ID, check=True)
    scene.run("a", "check", 1, 10)

    assert scene.machine.standing.take_owed() is None


def test_what_an_owner_asks_of_the_own_node_owes_no_audit() -> None:
    scene = judged()
    scene.join("a")
    taken(scene)
    scene.ask("own", member=MemberId("m_owner"))
    scene.run("a", "own", 1, 10)

    assert taken(scene) == []
    assert of(scene, Change.COMPLETED) == []


def test_whoever_makes_audits_is_told_and_takes_each_once() -> None:
    scene = judged()
    told: list[int] = []
    scene.machine.standing.on_owed = lambda: told.append(1)
    scene.join("a", slots=2)
    taken(scene)
    told.clear()
    for number in range(2):
        scene.ask(f"t{number}", ref=number)
        scene.run("a", f"t{number}", 1, 10)

    assert told == [1, 1]
    assert taken(scene) == [OWED, OWED]


def test_nodes_that_owe_much_take_turns() -> None:
    scene = judged()
    scene.join("a")
    scene.join("b", owner="m_other")

    turns = [owed.node for owed in taken(scene)[:4]]

    assert turns == [node_id("a"), node_id("b")] * 2


def test_a_suspended_node_owes_nothing() -> None:
    scene = judged()
    scene.join("a")
    lie(scene, "a", 2)
    assert taken(scene)
    lie(scene, "a")

    assert taken(scene) == []


def test_an_audit_that_told_nothing_is_owed_once_more() -> None:
    standing = judged().machine.standing
    standing.owe_again(OWED)
    again = standing.take_owed()

    assert again is not None
    assert (again.node, again.model, again.again) == (OWED.node, OWED.model, True)
    standing.owe_again(again)
    assert standing.take_owed() is None


def answer(scene: Scene, name: str, number: int, seconds: float) -> None:
    """One of 100 tokens."""
    scene.ask(f"t{number}", pinned=(node_id(name),))
    scene.run(name, f"t{number}", seconds, 100)


def test_a_speed_far_above_that_of_others_is_flagged_and_costs_nothing() -> None:
    scene = judged()
    for name in ("a", "b", "c"):
        scene.join(name)
    for number in range(120):
        answer(scene, "ab"[number % 2], number, 4 + number % 5)
    before = scene.node("c").standing
    for number in range(120, 260):
        answer(scene, "c", number, 0.5)
    assert before is not None

    [event] = of(scene, Change.FLAGGED)
    assert (event.node, event.points, event.held) == (node_id("c"), 0, 0)
    assert event.why.startswith("200 tokens/s, and 99 of 100 alike reach ")
    after = scene.node("c").standing
    assert after is not None
    assert after.points >= before.points
    assert not after.suspended


def test_while_little_is_known_of_others_no_speed_is_flagged() -> None:
    scene = judged()
    for name in ("a", "b"):
        scene.join(name)
    for number in range(60):
        answer(scene, "a", number, 5)
    for number in range(60, 260):
        answer(scene, "b", number, 0.5)

    assert of(scene, Change.FLAGGED) == []


def lost(scene: Scene) -> list[StandingEvent]:
    return of(scene, Change.TIMEOUT)


def test_a_node_that_leaves_with_an_accepted_task_times_out() -> None:
    scene = judged()
    scene.join("a")
    scene.ask("t")
    scene.accept("a", "t")
    scene.leave("a")

    [event] = lost(scene)
    assert event.points == -20
    assert event.cause == f"task:{task_id('t').hex()}"


def test_a_node_that_was_kicked_or_whose_task_was_stopped_does_not() -> None:
    scene = judged()
    scene.join("a", slots=2)
    scene.ask("t")
    scene.ask("u", ref=2)
    scene.accept("a", "t")
    scene.accept("a", "u")
    before = scene.node("a").standing
    scene.stop("t")
    assert scene.node("a").standing == before
    scene.kick("a")
    scene.join("a")

    assert scene.node("a").standing == before
    assert lost(scene) == []


def test_a_node_that_never_accepted_does_not() -> None:
    scene = judged()
    scene.join("a")
    scene.ask("t")
    scene.leave("a")

    assert lost(scene) == []


def test_nobody_is_punished_while_the_coordinator_stops() -> None:
    scene = judged()
    scene.join("a")
    scene.ask("t")
    scene.accept("a", "t")
    scene.machine.standing.closing = True
    scene.leave("a")

    assert lost(scene) == []


def test_nobody_is_punished_for_a_client_that_left_or_cancelled() -> None:
    scene = judged()
    scene.join("a", slots=2)
    scene.ask("t")
    scene.ask("u", ref=2)
    scene.accept("a", "t")
    scene.accept("a", "u")
    scene.cancel("t")
    scene.client_left()

    assert lost(scene) == []


@pytest.mark.parametrize(("deadline_s", "times"), [(30.0, 0), (90.0, 1)])
def test_a_deadline_counts_only_where_there_was_time(
    deadline_s: float, times: int
) -> None:
    scene = judged()
    scene.join("a")
    scene.ask("t", deadline_s=deadline_s)
    scene.accept("a", "t")
    ended = scene.wait(100)

    assert only(FailTask, ended).code is FailCode.EXPIRED
    assert len(lost(scene)) == times


def test_a_backend_that_broke_is_no_timeout() -> None:
    scene = judged()
    scene.join("a")
    scene.ask("t")
    scene.accept("a", "t")
    scene.fail("a", "t")

    assert lost(scene) == []


def suspended() -> Scene:
    scene = judged()
    scene.join("a")
    lie(scene, "a", 3)
    assert of(scene, Change.SUSPENDED)
    return scene


def test_a_suspended_node_gets_no_work_and_still_takes_checks() -> None:
    scene = suspended()
    refused = only(FailTask, scene.ask("t"))
    assert refused.code in (FailCode.NO_CAPACITY, FailCode.UNKNOWN_MODEL)
    pinned = only(FailTask, scene.ask("u", pinned=(node_id("a"),), wait_s=0.0))
    assert pinned.code is FailCode.NO_CAPACITY

    check = scene.ask("c", pinned=(node_id("a"),), member=CLUB_ID, check=True)

    assert only(OfferTask, check).node == node_id("a")
    standing = scene.node("a").standing
    assert standing is not None
    assert standing.suspended


def test_a_suspended_node_stays_so_when_it_comes_back() -> None:
    scene = suspended()
    scene.leave("a")
    scene.join("a")

    assert all_of(OfferTask, scene.ask("t")) == []


def test_a_node_that_is_let_in_again_takes_what_waits() -> None:
    scene = suspended()
    scene.join("b", owner="m_other")
    scene.ask("busy")
    scene.ask("t", ref=2)
    fact = SuspensionEnded(node=node_id("a"), by="m_op", why="a broken disk")
    given = scene.tell(
        FactTold(
            fact=PointsAdjusted(
                node=node_id("a"), points=100, by="m_op", why="a broken disk"
            )
        )
    )
    assert all_of(OfferTask, given) == []
    given = scene.tell(FactTold(fact=fact))

    assert only(OfferTask, given).node == node_id("a")


def test_a_node_with_few_points_may_earn_its_way_back_by_checks() -> None:
    scene = judged()
    scene.join("a")
    lie(scene, "a")
    lie(scene, "a")
    assert scene.node("a").standing == NodeStanding(points=10, held=0)
    assert all_of(OfferTask, scene.ask("t", wait_s=0.0)) == []
    taken(scene)
    scene.wait(30)
    assert taken(scene) == [OWED]
    scene.wait(60)
    assert taken(scene) == []

    scene.wait(CoordinatorLimits().canary_every_s)

    assert taken(scene) == [OWED]


def test_nodes_are_drawn_by_their_points() -> None:
    scene = judged()
    for name in ("good", "poor"):
        scene.join(name, slots=400)
    moved = PointsAdjusted(node=node_id("good"), points=5000, by="m_op", why="test")
    scene.tell(FactTold(fact=moved))
    drawn: Counter[bytes] = Counter()
    for number in range(300):
        [offer] = all_of(OfferTask, scene.ask(f"t{number}", ref=number))
        drawn[offer.node] += 1

    # 0.88 to 0.14 by points, and free slots even it out a little
    assert drawn[node_id("good")] > 2 * drawn[node_id("poor")] > 0


def test_without_drawing_the_soonest_comes_first() -> None:
    rules = ASKED
    scene = Scene(judge=Judge(rules))
    scene.join("a", slots=2)
    scene.join("b", slots=2)
    nodes = [only(OfferTask, scene.ask(f"t{n}", ref=n)).node for n in range(4)]

    assert sorted(nodes) == [node_id("a")] * 2 + [node_id("b")] * 2
    assert nodes[0] == node_id("a")


def test_a_failed_check_by_itself_costs_nothing() -> None:
    scene = judged()
    scene.join("a")
    failed = CheckEnded(
        node=node_id("a"),
        check="c1",
        model="llama",
        kind=CheckKind.AGREEMENT,
        passed=False,
        why="unlike the others",
    )
    scene.tell(FactTold(fact=failed))

    assert scene.node("a").standing == NodeStanding(points=100, held=0)
    assert of(scene, Change.FAILED)


def test_events_have_no_gaps() -> None:
    scene = judged()
    scene.join("a")
    scene.join("b")
    for number in range(20):
        offered = only(OfferTask, scene.ask(f"t{number}", ref=number))
        scene.run(offered.node.rstrip(b"-").decode(), f"t{number}", 1, 10)
    scene.now += 8 * 86_400
    scene.commands += scene.machine.advance(now=scene.now)

    assert [event.seq for event in changes(scene)] == list(range(len(changes(scene))))
    assert of(scene, Change.DECAY)


HOUR_S = 3600.0


def ups(scene: Scene) -> int:
    return sum(event.points for event in of(scene, Change.UPTIME))


def test_full_hours_of_a_node_that_did_some_work_count() -> None:
    scene = judged()
    scene.join("a")
    scene.wait(3 * HOUR_S)
    assert ups(scene) == 0, "it has shown nothing yet"
    scene.ask("t")
    scene.run("a", "t", 1, 10)
    scene.wait(HOUR_S)

    assert ups(scene) == 4


def test_a_silent_node_earns_no_hours() -> None:
    scene = judged()
    scene.join("a")
    scene.ask("t")
    scene.run("a", "t", 1, 10)
    scene.report("a", silent=True)
    scene.wait(2 * HOUR_S)

    assert ups(scene) == 0


@pytest.mark.parametrize(("kicked", "broken"), [(False, -5), (True, 0)])
def test_a_kick_cannot_break_the_promised_hour_that_runs(
    kicked: bool, broken: int
) -> None:
    scene = judged()
    scene.join("a")
    promise = Promised(node=node_id("a"), schedule="daily 00:00-24:00 UTC")
    scene.tell(FactTold(fact=promise))
    scene.wait(3600.0)  # a schedule counts from the next full hour
    if kicked:
        scene.kick("a")
    else:
        scene.leave("a")
    scene.wait(3600.0)

    assert sum(event.points for event in of(scene, Change.BROKEN)) == broken


@pytest.mark.parametrize(("announced", "broken"), [(False, -5), (True, 0)])
def test_a_promised_hour_without_the_node_is_broken_unless_announced(
    announced: bool, broken: int
) -> None:
    scene = judged()
    scene.machine.standing.begin({}, (), START - 2 * HOUR_S)
    scene.join("a")
    promise = Promised(node=node_id("a"), schedule="daily 00:00-24:00 UTC")
    scene.tell(FactTold(fact=promise))
    if announced:
        pause = PauseAnnounced(node=node_id("a"), paused=True, why="paused")
        scene.tell(FactTold(fact=pause))
    scene.leave("a")
    scene.wait(2 * HOUR_S)

    assert sum(event.points for event in of(scene, Change.BROKEN)) == broken


def test_the_coordinators_own_outage_breaks_no_promise() -> None:
    scene = judged()
    scene.join("a")
    promise = Promised(node=node_id("a"), schedule="daily 00:00-24:00 UTC")
    scene.tell(FactTold(fact=promise))
    kept = changes(scene)
    later = Scene(judge=Judge(CLUB))
    later.now = START + 5 * HOUR_S + 60
    later.machine.standing.begin(
        {node_id("a"): parse_schedule("daily 00:00-24:00 UTC")}, (), later.now
    )
    later.wait(HOUR_S - 120)

    assert of(later, Change.BROKEN) == []
    assert [event.change for event in kept][-1] is Change.PROMISED


def test_a_pause_holds_over_a_restart() -> None:
    scene = judged()
    scene.join("a")
    schedules = {node_id("a"): parse_schedule("daily 00:00-24:00 UTC")}
    scene.machine.standing.begin(schedules, [node_id("a")], scene.now)
    scene.leave("a")
    scene.wait(3 * HOUR_S)

    assert of(scene, Change.BROKEN) == []


def proven(*names: str) -> Judge:
    """A judge to whom these nodes have been here for long."""
    judge = Judge(CLUB)
    for name in names:
        node = node_id(name)
        came = NodeAppeared(node=node, member=MemberId(name), models=("llama",))
        judge.tell(came, now=START - 9 * 86_400)
        for number in range(20):
            passed = CheckEnded(
                node=node,
                check=f"c{number}",
                model="llama",
                kind=CheckKind.ANSWER_KEY,
                passed=True,
                why="exact",
            )
            judge.tell(passed, now=START - 8 * 86_400)
    return judge


def drawn(scene: Scene, times: int = 200, **fields: object) -> Counter[str]:
    found: Counter[str] = Counter()
    for number in range(times):
        [offer] = all_of(OfferTask, scene.ask(f"t{number}", ref=number, **fields))
        found[offer.node_name] += 1
    return found


def test_a_fast_newcomer_does_not_get_what_proven_nodes_can_take() -> None:
    scene = Scene(judge=proven("old"))
    scene.join("old", offer(tokens_per_second=20.0), slots=400, owner="old")
    scene.join("new", offer(tokens_per_second=5000.0), slots=400, owner="new")

    found = drawn(scene)

    assert found["old"] > found["new"] > 0


def test_sealed_tasks_go_to_proven_nodes_where_there_are_any() -> None:
    scene = Scene(judge=proven("old"))
    scene.join("old", slots=400, owner="old")
    scene.join("new", slots=400, owner="new")

    assert drawn(scene, sealed=True) == {"old": 200}


def test_in_a_new_club_sealed_tasks_go_to_new_nodes() -> None:
    scene = judged()
    scene.join("new", slots=400)

    assert drawn(scene, times=3, sealed=True) == {"new": 3}


def test_among_proven_nodes_the_soonest_come_first() -> None:
    scene = Scene(judge=proven("fast", "slow"))
    scene.join("fast", offer(tokens_per_second=100.0), slots=100, owner="fast")
    scene.join("slow", offer(tokens_per_second=5.0), slots=100, owner="slow")

    assert drawn(scene, times=50) == {"fast": 50}
