from __future__ import annotations

from clubai.core.commands import (
    FailTask,
    OfferTask,
    RecordTask,
    SayWait,
    WaitReason,
)
from clubai.model import FailCode
from support.scene import START, Scene, all_of, node_id, offer, only, task_id


def test_an_offer_says_what_the_client_asked_for() -> None:
    scene = Scene()
    scene.join("a")
    command = only(
        OfferTask,
        scene.ask("t", ref=9, max_tokens=33, stream=False, kind="completion"),
    )

    assert (command.client, command.ref, command.task) == (1, 9, task_id("t"))
    assert (command.part, command.attempt) == (0, 0)
    assert (command.node, command.node_name) == (node_id("a"), "a")
    assert (command.model, command.kind) == ("llama", "completion")
    assert (command.max_tokens, command.stream, command.queued_ms) == (33, False, 0)


def test_a_wait_is_told_with_its_reason_and_place() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.ask("u")
    wait = only(SayWait, scene.ask("v", ref=3))

    assert (wait.code, wait.position, wait.ref) == (WaitReason.BUSY, 2, 3)
    assert "busy" in wait.text
    assert scene.task("v").reason == wait.text
    assert scene.task("v").state == "queued"


def test_the_time_in_the_queue_is_told_with_the_offer() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.ask("u")
    scene.wait(2.5)

    assert only(OfferTask, scene.finish("a", "t")).queued_ms == 2500


def test_a_wait_that_does_not_change_is_told_once() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.accept("a", "t")
    scene.ask("u")

    assert not all_of(SayWait, scene.wait(50.0))


def test_a_place_is_told_again_when_it_was_halved() -> None:
    scene = Scene()
    scene.join("a")
    for number in range(9):
        scene.ask(f"t{number}")
    scene.finish("a", "t0")
    assert not [c for c in scene.wait(6.0) if c.task == task_id("t8")]  # type: ignore[union-attr]
    for number in range(1, 5):
        scene.finish("a", f"t{number}")
    told = [c for c in all_of(SayWait, scene.wait(6.0)) if c.task == task_id("t8")]

    assert [wait.position for wait in told] == [3]


def test_a_reason_is_told_again_when_it_changed() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.accept("a", "t")
    scene.ask("u")
    scene.told["a"].silent = True
    told = all_of(SayWait, scene.wait(31.0))

    assert [wait.code for wait in told] == [WaitReason.SILENT]


def test_a_task_that_waits_beside_cold_nodes_is_told_why() -> None:
    scene = Scene()
    scene.join("warm")
    scene.join("cold", offer(warm=False))
    scene.ask("t")

    assert only(SayWait, scene.ask("u")).code == WaitReason.LOADING


def test_a_task_waits_as_long_as_its_client_said() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.accept("a", "t")
    scene.ask("u", wait_s=30.0)
    assert not all_of(FailTask, scene.wait(29.9))
    failure = only(FailTask, scene.wait(0.2))

    assert failure.code == FailCode.QUEUE_TIMEOUT
    assert failure.attempts == 0
    assert failure.retry_after_s is not None
    assert "30.0 s" in failure.message


def test_a_waiting_task_expires_by_its_deadline() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.accept("a", "t")
    scene.ask("u", wait_s=60.0, deadline_s=20.0)

    assert only(FailTask, scene.wait(21.0)).code == FailCode.EXPIRED


def test_waiting_tasks_fail_soon_after_their_last_node_paused() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.ask("u")
    scene.report("a", paused=True)
    failure = only(FailTask, scene.wait(5.1))

    assert failure.task == task_id("u")
    assert failure.code == FailCode.NO_CAPACITY


def test_a_retried_task_keeps_its_place_before_its_members_later_ones() -> None:
    scene = Scene()
    scene.join("a")
    scene.join("b")
    scene.ask("t")
    scene.ask("u")
    scene.ask("later")
    scene.fail("a", "t")

    assert scene.task("later").state == "offered"
    assert only(OfferTask, scene.finish("b", "u")).task == task_id("t")


def test_a_retry_waits_anew_and_counts_all_its_waiting() -> None:
    scene = Scene()
    scene.join("a")
    scene.join("b")
    for name in "ab":
        scene.ask(name, pinned=(node_id(name),))
        scene.accept(name, name)
    scene.ask("t", wait_s=10.0)
    scene.wait(2.0)
    scene.finish("a", "a")
    scene.accept("a", "t")
    scene.wait(6.0)
    scene.fail("a", "t")
    scene.wait(8.0)
    retry = only(OfferTask, scene.finish("b", "b"))

    assert (retry.task, retry.attempt, retry.queued_ms) == (task_id("t"), 1, 10_000)


def test_a_task_without_prospects_ends_with_its_last_failure() -> None:
    scene = Scene()
    scene.join("a")
    scene.join("b")
    scene.ask("busy", pinned=(node_id("b"),))
    scene.ask("t")
    scene.fail("a", "t", message="the model crashed")
    assert scene.task("t").state == "queued"
    scene.report("b", paused=True)
    failure = only(FailTask, scene.wait(6.0))

    assert (failure.code, failure.attempts) == (FailCode.BACKEND, 1)
    assert failure.message == "the model crashed"


def test_members_share_a_node_in_turns() -> None:
    scene = Scene()
    scene.join("a")
    for number in range(4):
        scene.ask(f"x{number}", member="m_x")
    scene.ask("y0", member="m_y")
    order = ["x0"]
    while offers := all_of(OfferTask, scene.finish("a", order[-1])):
        order.append(offers[0].task.decode().rstrip("-"))

    assert order == ["x0", "x1", "y0", "x2", "x3"]


def test_a_refusal_is_recorded_as_a_failed_task() -> None:
    scene = Scene()
    facts = only(RecordTask, scene.ask("t", model="none")).facts

    assert (facts.state, facts.code) == ("failed", "unknown_model")
    assert (facts.node, facts.attempts) == (b"", 0)
    assert facts.created_at == facts.ended_at == START
