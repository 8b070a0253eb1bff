from __future__ import annotations

from clubai.core.commands import (
    Command,
    FailTask,
    OfferTask,
    RecordTask,
    SayWait,
    WaitReason,
)
from clubai.model import FailCode
from support.scene import Scene, all_of, node_id, offer, only


def refused(commands: list[Command]) -> FailTask:
    """The one refusal: recorded, then told."""
    assert [type(command) for command in commands] == [RecordTask, FailTask]
    failure = only(FailTask, commands)
    assert failure.attempts == 0
    assert not failure.begun
    return failure


def test_an_unknown_model_is_refused_with_the_models_there_are() -> None:
    scene = Scene()
    scene.join("a", offer("zephyr"), offer("alpha"))
    failure = refused(scene.ask("t", model="gpt", ref=7))

    assert failure.code == FailCode.UNKNOWN_MODEL
    assert "'gpt'" in failure.message
    assert failure.message.endswith("alpha, zephyr")
    assert failure.retry_after_s is None
    assert failure.ref == 7


def test_at_most_twenty_models_are_named() -> None:
    scene = Scene()
    scene.join("a", *(offer(f"m{number:02}") for number in range(25)))
    message = refused(scene.ask("t")).message

    assert "m19" in message
    assert "m20" not in message
    assert message.endswith("and 5 more")


def test_long_model_names_do_not_make_a_message_too_long_for_the_wire() -> None:
    scene = Scene()
    scene.join("a", *(offer(f"{number:02}" + "x" * 250) for number in range(20)))

    assert len(refused(scene.ask("t")).message) <= 1000


def test_an_empty_club_says_so() -> None:
    failure = refused(Scene().ask("t"))

    assert failure.code == FailCode.UNKNOWN_MODEL
    assert "no node is here" in failure.message


def test_a_kind_that_no_node_does_is_refused() -> None:
    scene = Scene()
    scene.join("a")
    failure = refused(scene.ask("t", kind="embedding"))

    assert failure.code == FailCode.UNSUPPORTED
    assert "chat, completion" in failure.message


def test_a_prompt_too_long_for_every_node_is_refused_with_both_numbers() -> None:
    scene = Scene()
    scene.join("a", offer(context=2048))
    scene.join("b", offer(context=4096))
    failure = refused(scene.ask("t", prompt_tokens=4000, max_tokens=100))

    assert failure.code == FailCode.CONTEXT_LENGTH_EXCEEDED
    assert "4100" in failure.message
    assert "4096" in failure.message


def test_a_node_of_unknown_context_may_take_anything() -> None:
    scene = Scene()
    scene.join("a", offer(context=2048))
    scene.join("b", offer())

    assert only(OfferTask, scene.ask("t", prompt_tokens=90_000)).node_name == "b"


def test_a_context_that_a_node_no_longer_offers_counts_no_longer() -> None:
    scene = Scene()
    scene.join("a", offer(context=8192))
    scene.report("a", models=(offer(context=2048),))

    failure = refused(scene.ask("t", prompt_tokens=4000))
    assert failure.code == FailCode.CONTEXT_LENGTH_EXCEEDED


def test_a_known_model_without_a_node_has_no_capacity_for_an_hour() -> None:
    scene = Scene()
    scene.join("a")
    scene.leave("a")
    scene.wait(11.0)
    failure = refused(scene.ask("t"))
    assert failure.code == FailCode.NO_CAPACITY
    assert failure.retry_after_s == 15.0

    scene.wait(3600.0)
    assert refused(scene.ask("u")).code == FailCode.UNKNOWN_MODEL


def test_a_request_does_not_wait_for_a_paused_node() -> None:
    scene = Scene()
    scene.join("a")
    scene.report("a", paused=True)

    assert refused(scene.ask("t")).code == FailCode.NO_CAPACITY


def test_a_request_waits_for_a_node_that_is_just_gone() -> None:
    scene = Scene()
    scene.join("a")
    scene.leave("a")
    scene.wait(3.0)

    assert only(SayWait, scene.ask("t")).code == WaitReason.RETURNING
    assert only(OfferTask, scene.join("a"))


def test_a_node_that_does_not_come_back_leaves_no_capacity() -> None:
    scene = Scene()
    scene.join("a")
    scene.leave("a")
    scene.wait(3.0)
    scene.ask("t")
    assert not all_of(FailTask, scene.wait(6.9))
    failure = only(FailTask, scene.wait(0.2))

    assert failure.code == FailCode.NO_CAPACITY
    assert failure.attempts == 0


def test_a_request_that_only_the_gone_node_could_not_take_does_not_wait() -> None:
    scene = Scene()
    scene.join("a")
    scene.leave("a")

    failure = refused(scene.ask("t", exclude=(node_id("a"),)))
    assert failure.code == FailCode.NO_CAPACITY


def test_a_pinned_node_that_is_not_here_has_no_capacity() -> None:
    scene = Scene()
    scene.join("a")
    failure = refused(scene.ask("t", pinned=(node_id("b"),)))

    assert failure.code == FailCode.NO_CAPACITY
    assert "names" in failure.message


def test_pinned_and_excluded_at_once_is_nobody() -> None:
    scene = Scene()
    scene.join("a")
    both = (node_id("a"),)

    failure = refused(scene.ask("t", pinned=both, exclude=both))
    assert failure.code == FailCode.NO_CAPACITY


def test_the_queue_is_bounded_for_all() -> None:
    scene = Scene(max_queue=2)
    scene.join("a")
    for number in range(3):
        scene.ask(f"t{number}", member=f"m_{number}")
    failure = refused(scene.ask("u", member="m_new"))

    assert failure.code == FailCode.QUEUE_FULL
    assert failure.retry_after_s is not None


def test_the_queue_is_bounded_for_each_member() -> None:
    scene = Scene(max_queue_member=2)
    scene.join("a")
    for number in range(3):
        scene.ask(f"t{number}", member="m_busy")
    failure = refused(scene.ask("u", member="m_busy"))

    assert failure.code == FailCode.QUEUE_FULL
    assert "m_busy" in failure.message
    assert only(SayWait, scene.ask("v", member="m_other"))


def test_a_full_queue_refuses_nobody_whom_a_free_node_can_take() -> None:
    scene = Scene(max_queue=1)
    scene.join("a", offer("llama"))
    scene.join("b", offer("other"))
    scene.ask("t")
    scene.ask("u")

    assert only(OfferTask, scene.ask("v", model="other"))


def test_a_request_that_may_not_wait_is_told_at_once() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    failure = refused(scene.ask("u", wait_s=0.0))

    assert failure.code == FailCode.QUEUE_TIMEOUT
    assert failure.retry_after_s is not None


def test_a_request_without_time_has_expired() -> None:
    scene = Scene()
    scene.join("a")

    assert refused(scene.ask("t", deadline_s=0.0)).code == FailCode.EXPIRED
