from __future__ import annotations

import pytest

from clubai.core.commands import (
    CancelAttempt,
    Command,
    DropNode,
    FailTask,
    FinishTask,
    NodeFault,
    OfferTask,
    RecordTask,
    RejectNode,
)
from clubai.core.events import ReplyBegun, TaskAccepted
from clubai.model import RETRY_ELSEWHERE, FailCode, Usage
from support.scene import Scene, all_of, node_id, offer, only, task_id, with_fields

FINAL = sorted(set(FailCode) - RETRY_ELSEWHERE)
RETRIED = sorted(RETRY_ELSEWHERE - {FailCode.CONTEXT_LENGTH_EXCEEDED})


def pair(**limits: float) -> Scene:
    """Two nodes, and a task that is offered to the first."""
    scene = Scene(**limits)
    scene.join("a")
    scene.join("b")
    scene.ask("t")
    assert scene.task("t").node_name == "a"
    return scene


def test_the_states_of_a_task_that_goes_well() -> None:
    scene = Scene()
    scene.join("a")
    states = []
    scene.ask("t")
    states.append(scene.task("t").state)
    scene.accept("a", "t")
    states.append(scene.task("t").state)
    scene.reply("a", "t")
    states.append(scene.task("t").state)
    scene.finish("a", "t")
    states.append(scene.task("t").state)

    assert states == ["offered", "running", "replying", "done"]
    assert scene.machine.idle


def test_a_finished_task_is_recorded_and_then_told() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t", client=4)
    scene.accept("a", "t")
    scene.wait(1.0)
    scene.reply("a", "t")
    scene.wait(2.0)
    commands = scene.finish("a", "t", tokens=20, first_token_ms=900, total_ms=2900)
    finish, facts = only(FinishTask, commands), only(RecordTask, commands).facts

    assert [type(command) for command in commands] == [RecordTask, FinishTask]
    assert (finish.client, finish.node, finish.attempt) == (4, node_id("a"), 0)
    assert finish.usage == Usage(prompt_tokens=5, completion_tokens=20)
    assert (finish.first_token_ms, finish.total_ms) == (900, 2900)
    assert (facts.state, facts.node, facts.attempts) == ("done", node_id("a"), 1)
    assert (facts.first_token_ms, facts.total_ms) == (1000, 3000)
    assert (facts.prompt_tokens, facts.completion_tokens) == (5, 20)
    assert (facts.request_bytes, facts.answer_bytes) == (200, 5000)


def test_a_node_shows_what_it_did() -> None:
    scene = pair()
    scene.run("a", "t", 2.0, 100)
    scene.ask("u", pinned=(node_id("a"),))
    scene.fail("a", "u")
    node = scene.node("a")

    assert (node.tasks_done, node.tasks_failed) == (1, 1)
    assert node.tokens_per_second == 50.0


@pytest.mark.parametrize("code", RETRIED)
def test_what_another_node_may_not_have_is_tried_there(code: FailCode) -> None:
    scene = pair()
    retry = only(OfferTask, scene.fail("a", "t", code))

    assert (retry.node_name, retry.attempt, retry.task) == ("b", 1, task_id("t"))
    assert scene.task("t").attempts == 2


@pytest.mark.parametrize("code", FINAL)
def test_what_no_other_node_can_mend_is_final(code: FailCode) -> None:
    scene = pair()
    failure = only(FailTask, scene.fail("a", "t", code, message="no"))

    assert (failure.code, failure.message, failure.attempts) == (code, "no", 1)
    assert failure.retry_after_s is None
    assert not failure.begun


def test_after_the_answer_began_nothing_is_tried_again() -> None:
    scene = pair()
    scene.accept("a", "t")
    scene.reply("a", "t")
    commands = scene.fail("a", "t", FailCode.TRUNCATED)
    failure = only(FailTask, commands)

    assert not all_of(OfferTask, commands)
    assert failure.begun
    assert failure.code == FailCode.TRUNCATED


def test_a_whole_answer_that_broke_off_is_tried_elsewhere() -> None:
    scene = Scene()
    scene.join("a")
    scene.join("b")
    scene.ask("t", stream=False)
    scene.accept("a", "t")
    scene.wait(1.0)
    scene.reply("a", "t")
    retry = only(OfferTask, scene.leave("a"))
    assert (retry.node_name, retry.attempt) == ("b", 1)
    scene.wait(2.0)
    scene.accept("b", "t", attempt=1)
    failure = only(FailTask, scene.fail("b", "t", FailCode.TRUNCATED, attempt=1))

    assert not failure.begun
    assert scene.task("t").first_token_ms == 0


def test_attempts_are_bounded_and_the_last_failure_is_told() -> None:
    scene = Scene()
    for name in "abcd":
        scene.join(name)
    scene.ask("t")
    for attempt, name in enumerate("abc"):
        commands = scene.fail(name, "t", attempt=attempt, message=f"{name} broke")
    failure = only(FailTask, commands)

    assert (failure.attempts, failure.attempt) == (3, 2)
    assert (failure.code, failure.message) == (FailCode.BACKEND, "c broke")
    assert failure.retry_after_s is not None
    assert only(RecordTask, commands).facts.attempts == 3
    stats = scene.machine.stats(now=scene.now, started_at=0, members=0, tasks_before=0)
    assert stats.tasks_retried == 2


def test_when_no_node_is_left_the_last_failure_is_told() -> None:
    scene = pair()
    scene.fail("a", "t", FailCode.EMPTY)
    failure = only(FailTask, scene.fail("b", "t", FailCode.BUSY, attempt=1))

    assert (failure.code, failure.attempts) == (FailCode.BUSY, 2)
    assert failure.retry_after_s is not None


def test_a_node_that_failed_a_task_does_not_get_it_again() -> None:
    scene = Scene()
    scene.join("a", slots=5)
    scene.ask("t")

    assert only(FailTask, scene.fail("a", "t", FailCode.EMPTY)).attempts == 1


def test_a_prompt_too_long_for_a_node_goes_only_to_a_larger_one() -> None:
    scene = Scene()
    scene.join("a", offer(context=2048, tokens_per_second=90.0))
    scene.join("b", offer(context=2048, tokens_per_second=80.0))
    scene.join("c", offer(tokens_per_second=70.0))
    scene.join("d", offer(context=4096))
    scene.ask("t")
    retry = only(OfferTask, scene.fail("a", "t", FailCode.CONTEXT_LENGTH_EXCEEDED))
    assert retry.node_name == "d"

    commands = scene.fail("d", "t", FailCode.CONTEXT_LENGTH_EXCEEDED, attempt=1)
    failure = only(FailTask, commands)
    assert failure.code == FailCode.CONTEXT_LENGTH_EXCEEDED
    assert failure.attempts == 2


def test_what_is_the_requests_fault_is_not_held_against_the_node() -> None:
    scene = pair()
    scene.fail("a", "t", FailCode.BAD_REQUEST)

    assert scene.node("a").tasks_failed == 0
    assert only(OfferTask, scene.ask("u")).node_name == "a"


def test_an_offer_that_is_not_accepted_goes_elsewhere() -> None:
    scene = pair()
    assert not scene.wait(14.9)
    commands = scene.wait(0.2)

    assert [type(command) for command in commands] == [CancelAttempt, OfferTask]
    assert only(CancelAttempt, commands).node == node_id("a")
    assert only(OfferTask, commands).node_name == "b"
    assert scene.node("a").tasks_failed == 0


def test_a_heartbeat_that_lists_an_offered_task_renews_the_offer() -> None:
    scene = pair()
    scene.told["a"].running[task_id("t")] = None
    scene.wait(10.0)
    scene.report("a")

    assert not scene.wait(30.0)
    assert scene.task("t").state == "offered"


def test_a_task_that_heartbeats_list_is_left_to_its_node() -> None:
    scene = pair()
    scene.accept("a", "t")

    assert not scene.wait(500.0)
    assert scene.task("t").state == "running"


def test_a_task_missing_from_two_heartbeats_is_tried_elsewhere() -> None:
    scene = pair()
    scene.accept("a", "t")
    scene.told["a"].running.clear()
    assert not scene.report("a")
    commands = scene.report("a")

    assert only(CancelAttempt, commands).node == node_id("a")
    assert only(OfferTask, commands).node_name == "b"
    assert scene.node("a").tasks_failed == 1


def test_one_missing_heartbeat_between_others_is_forgiven() -> None:
    scene = pair()
    scene.accept("a", "t")
    listed = dict(scene.told["a"].running)
    for _ in range(3):
        scene.report("a", running={})
        scene.report("a", running=listed)

    assert scene.task("t").state == "running"


def test_what_the_last_node_left_out_does_not_count_against_the_next() -> None:
    scene = pair()
    scene.accept("a", "t")
    scene.report("a", running={})
    scene.fail("a", "t")
    scene.accept("b", "t", attempt=1)
    scene.report("b", running={})

    assert scene.task("t").state == "running"


def test_a_lease_that_is_not_renewed_runs_out() -> None:
    scene = pair(missed_reports=1000)
    scene.accept("a", "t")
    scene.told["a"].running.clear()
    assert not scene.wait(44.9)

    assert only(OfferTask, scene.wait(0.2)).node_name == "b"


def test_a_lost_lease_after_the_answer_began_is_a_failure() -> None:
    scene = pair()
    scene.accept("a", "t")
    scene.reply("a", "t")
    scene.report("a", running={})
    commands = scene.report("a")
    failure = only(FailTask, commands)

    assert only(CancelAttempt, commands)
    assert (failure.code, failure.begun) == (FailCode.NODE_LOST, True)


def test_the_deadline_ends_a_running_task_and_frees_its_slot() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t", deadline_s=100.0)
    scene.accept("a", "t")
    scene.ask("u", wait_s=300.0)
    assert not all_of(FailTask, scene.wait(99.9))
    commands = scene.wait(0.2)

    kinds = [type(command) for command in commands]
    assert kinds == [CancelAttempt, RecordTask, FailTask, OfferTask]
    assert only(FailTask, commands).code == FailCode.EXPIRED
    assert only(OfferTask, commands).task == task_id("u")


def test_what_a_node_that_left_had_not_begun_is_tried_elsewhere() -> None:
    scene = Scene()
    scene.join("a", slots=3)
    scene.join("b", slots=2)
    for name in ("offered", "running", "replying"):
        scene.ask(name, pinned=(node_id("a"),))
    scene.ask("free", pinned=(node_id("b"),))
    scene.accept("a", "running")
    scene.accept("a", "replying")
    scene.reply("a", "replying")
    scene.finish("b", "free")
    # the pins forbid another node: without one they fail by the node that was lost
    commands = scene.leave("a")

    codes = {c.task: (c.code, c.begun) for c in all_of(FailTask, commands)}
    assert codes == {
        task_id("offered"): (FailCode.NODE_LOST, False),
        task_id("running"): (FailCode.NODE_LOST, False),
        task_id("replying"): (FailCode.NODE_LOST, True),
    }


def lose_by_leaving(scene: Scene) -> list[Command]:
    return scene.leave("a")


def lose_by_joining(scene: Scene) -> list[Command]:
    return scene.join("a")


def lose_by_silence(scene: Scene) -> list[Command]:
    scene.told["a"].silent = True
    return scene.wait(46.0)


@pytest.mark.parametrize(
    "lose",
    [lose_by_leaving, lose_by_joining, lose_by_silence],
    ids=lambda lose: lose.__name__,
)
@pytest.mark.parametrize("stage", ["offered", "running", "replying"])
def test_a_lost_node_holds_nothing(lose: object, stage: str) -> None:
    scene = pair(offer_s=1000.0, lease_s=1000.0)
    if stage != "offered":
        scene.accept("a", "t")
    if stage == "replying":
        scene.reply("a", "t")
    commands = lose(scene)  # type: ignore[operator]

    if stage == "replying":
        failure = only(FailTask, commands)
        assert (failure.code, failure.begun) == (FailCode.NODE_LOST, True)
    else:
        assert only(OfferTask, commands).node_name == "b"
        assert not all_of(FailTask, commands)
    assert bool(all_of(DropNode, commands)) == (lose is lose_by_silence)


def test_a_cancelled_task_stops_at_its_node_and_frees_the_slot() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.accept("a", "t")
    scene.ask("u")
    commands = scene.cancel("t")

    kinds = [type(command) for command in commands]
    assert kinds == [CancelAttempt, RecordTask, FailTask, OfferTask]
    assert only(FailTask, commands).code == FailCode.CANCELLED


def test_a_cancelled_task_leaves_the_queue() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.ask("u")

    assert only(FailTask, scene.cancel("u")).attempts == 0
    assert not all_of(OfferTask, scene.finish("a", "t"))


def test_a_task_is_stopped_for_whoever_may_and_its_client_is_told_why() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.accept("a", "t")
    scene.ask("u")
    commands = scene.stop("t", "cancelled by an operator")

    kinds = [type(command) for command in commands]
    assert kinds == [CancelAttempt, RecordTask, FailTask, OfferTask]
    failure = only(FailTask, commands)
    assert failure.code == FailCode.CANCELLED
    assert failure.message == "cancelled by an operator"
    assert failure.retry_after_s is None
    assert scene.node("a").tasks_failed == 0
    assert scene.stop("t") == scene.stop("none") == []


def test_a_queued_task_is_stopped_in_the_queue() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.ask("u")

    assert [type(c) for c in scene.stop("u")] == [RecordTask, FailTask]
    assert not all_of(OfferTask, scene.finish("a", "t"))


@pytest.mark.parametrize("stage", ["offered", "running"])
def test_the_tasks_of_a_kicked_node_are_tried_elsewhere(stage: str) -> None:
    scene = pair()
    if stage == "running":
        scene.accept("a", "t")
    commands = scene.kick("a", "an operator ended it")

    assert [type(command) for command in commands] == [DropNode, OfferTask]
    assert only(DropNode, commands).reason == "an operator ended it"
    assert only(OfferTask, commands).node_name == "b"
    assert [node.name for node in scene.machine.nodes()] == ["b"]


def test_a_kicked_node_comes_back_as_any_other() -> None:
    scene = pair()
    assert scene.kick("c") == []
    scene.kick("b")
    scene.leave("b")  # its connection ends after the machine forgot it
    scene.join("b")

    assert scene.node("b").state == "alive"
    assert only(OfferTask, scene.ask("u")).node_name == "b"


def test_nobody_cancels_anothers_task() -> None:
    scene = pair()

    assert scene.cancel("t", client=2) == []
    assert scene.cancel("none") == []
    assert scene.task("t").state == "offered"


def test_a_client_that_left_leaves_nothing_and_is_told_nothing() -> None:
    scene = Scene()
    scene.join("a", slots=2)
    for name in ("t", "u", "queued"):
        scene.ask(name, client=1)
    scene.ask("other", client=2)
    commands = scene.client_left(1)

    cancelled = {c.task for c in all_of(CancelAttempt, commands)}
    assert cancelled == {task_id("t"), task_id("u")}
    assert len(all_of(RecordTask, commands)) == 3
    assert not all_of(FailTask, commands)
    assert only(OfferTask, commands).task == task_id("other")
    assert {c.facts.code for c in all_of(RecordTask, commands)} == {"cancelled"}


def test_a_node_that_answers_for_anothers_task_is_rejected() -> None:
    scene = pair()
    event = TaskAccepted(node=node_id("b"), task=task_id("t"), part=0, attempt=0)
    for change in ({}, {"attempt": 1}, {"attempt": -1}, {"part": 1}):
        command = only(RejectNode, scene.tell(with_fields(event, **change)))
        assert (command.node, command.code) == (node_id("b"), NodeFault.NOT_YOURS)
    assert only(RejectNode, scene.finish("b", "t"))
    assert only(RejectNode, scene.fail("b", "t"))
    assert only(RejectNode, scene.reply("b", "t"))

    assert scene.task("t").state == "offered"
    assert scene.task("t").node_name == "a"


def test_a_node_cannot_answer_for_an_attempt_that_is_not_made_yet() -> None:
    scene = pair()

    assert only(RejectNode, scene.accept("a", "t", attempt=1))


def test_a_late_answer_of_an_earlier_attempt_is_no_fault() -> None:
    scene = pair()
    scene.wait(16.0)
    assert scene.task("t").node_name == "b"

    assert scene.accept("a", "t", attempt=0) == []
    assert scene.finish("a", "t", attempt=0) == []
    assert scene.fail("a", "t", attempt=0) == []
    assert scene.task("t").node_name == "b"


def test_an_answer_for_an_ended_or_unknown_task_is_no_fault() -> None:
    scene = pair()
    scene.cancel("t")

    assert scene.finish("a", "t") == []
    assert scene.finish("b", "t") == []
    assert scene.accept("a", "never") == []


def test_an_answer_from_a_node_that_is_not_here_is_nothing() -> None:
    scene = pair()
    event = ReplyBegun(node=node_id("zz"), task=task_id("t"), part=0, attempt=0)

    assert scene.tell(event) == []


def test_saying_a_thing_twice_changes_nothing() -> None:
    scene = pair()
    scene.accept("a", "t")
    assert scene.accept("a", "t") == []
    scene.reply("a", "t")
    assert scene.reply("a", "t") == []
    assert scene.accept("a", "t") == []

    assert scene.task("t").state == "replying"


def test_a_node_may_leave_out_what_goes_without_saying() -> None:
    scene = pair()
    scene.reply("a", "t")
    assert scene.task("t").state == "replying"
    scene.ask("u")

    assert only(FinishTask, scene.finish("b", "u"))


def test_absurd_counts_are_not_believed() -> None:
    scene = pair()
    usage = Usage(prompt_tokens=-5, completion_tokens=1 << 80)
    finish = only(FinishTask, scene.finish("a", "t", usage=usage))

    assert finish.usage.prompt_tokens == 0
    assert finish.usage.completion_tokens < 1 << 32


def test_a_heartbeat_of_a_node_that_is_not_here_is_nothing() -> None:
    scene = pair()
    scene.leave("b")
    scene.join("c")
    told = scene.told.pop("c")
    scene.leave("c")
    scene.told["c"] = told

    assert scene.report("c") == []


@pytest.mark.parametrize("code", [FailCode.OPEN_FAILED, FailCode.EXPIRED])
def test_what_does_not_open_or_is_late_goes_on_and_blames_no_node(
    code: FailCode,
) -> None:
    scene = pair()
    retry = only(OfferTask, scene.fail("a", "t", code))

    assert retry.node_name == "b"
    assert scene.node("a").tasks_failed == 0
