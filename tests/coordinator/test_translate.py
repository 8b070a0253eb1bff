"""Every field arrives where its name says, and none is left at its default."""

from __future__ import annotations

from typing import Any

import msgspec

from clubai.coordinator import translate
from clubai.core.commands import (
    CancelAttempt,
    FailTask,
    OfferTask,
    SayWait,
    WaitReason,
)
from clubai.core.events import ClientKey
from clubai.model import FailCode, MemberId, ModelOffer, NodeId, TaskId, Usage
from clubai.protocol.codec import (
    decode_from_client,
    decode_from_node,
    decode_to_client,
    decode_to_node,
    encode,
)
from clubai.protocol.messages import (
    NodeHeartbeat,
    NodeRegister,
    TaskAccept,
    TaskFail,
    TaskRecord,
    TaskRequest,
    TaskResult,
)

TASK, NODE = TaskId(b"t" * 16), NodeId(b"n" * 32)
OWNER, CLIENT = MemberId("m_alice"), ClientKey(7)
MODELS = (ModelOffer(name="m", context=9, warm=False, tokens_per_second=1.5),)
ATTEMPT: dict[str, Any] = {"task": TASK, "part": 2, "attempt": 3}


def assert_carried(source: msgspec.Struct, made: msgspec.Struct, **given: Any) -> None:
    """All of `made` comes from `source`, by name, or was `given`."""
    defaults = [
        field.name
        for field in msgspec.structs.fields(source)
        if getattr(source, field.name) == field.default
    ]
    assert defaults == [], "a field at its default shows nothing"
    for name in made.__struct_fields__:
        expected = given[name] if name in given else getattr(source, name)
        assert getattr(made, name) == expected, name


def test_a_registration() -> None:
    message = NodeRegister(
        key=b"k" * 32,
        sig=b"s" * 64,
        boot=b"b" * 16,
        name="attic",
        models=MODELS,
        slots=4,
        vram_gb=24.5,
        backend="ollama 1",
        program="clubai-agent 1",
    )
    assert decode_from_node(encode(message)) == message

    joined = translate.node_joined(message, node=NODE, owner=OWNER)

    assert_carried(message, joined, node=NODE, owner=OWNER)


def test_a_heartbeat() -> None:
    message = NodeHeartbeat(
        models=MODELS, slots=4, running=(TASK,), paused=True, draining=True
    )
    assert decode_from_node(encode(message)) == message

    assert_carried(message, translate.node_reported(message, node=NODE), node=NODE)


def test_a_request() -> None:
    message = TaskRequest(
        ref=5,
        model="m",
        kind="embedding",
        mode="consensus",
        prompt_tokens=11,
        max_tokens=12,
        stream=False,
        wait_s=13.0,
        deadline_s=14.0,
        request_bytes=15,
        exclude=(b"x" * 32,),
        pinned=(b"p" * 32,),
    )
    assert decode_from_client(encode(message)) == message

    requested = translate.task_requested(
        message, task=TASK, client=CLIENT, member=OWNER, key_id="abcd1234"
    )

    assert_carried(
        message,
        requested,
        task=TASK,
        client=CLIENT,
        member=OWNER,
        key_id="abcd1234",
    )


def test_an_acceptance() -> None:
    message = TaskAccept(**ATTEMPT)

    assert_carried(message, translate.task_accepted(message, node=NODE), node=NODE)


def test_a_reply() -> None:
    message = TaskRecord(**ATTEMPT, seq=7, fin=True, ct=b"sealed")

    assert_carried(message, translate.reply_begun(message, node=NODE), node=NODE)


def test_a_result() -> None:
    message = TaskResult(
        **ATTEMPT,
        usage=Usage(prompt_tokens=1, completion_tokens=2),
        first_token_ms=21,
        total_ms=22,
        records=23,
    )

    finished = translate.task_finished(message, node=NODE, answer_bytes=24)

    assert_carried(message, finished, node=NODE, answer_bytes=24)


def test_a_failure_of_a_node() -> None:
    message = TaskFail(
        **ATTEMPT,
        code=FailCode.BACKEND,
        message="it broke",
        ref=1,
        retry_after_s=2.0,
        attempts=3,
        begun=True,
    )

    assert_carried(message, translate.attempt_failed(message, node=NODE), node=NODE)


def test_an_offer() -> None:
    command = OfferTask(
        **ATTEMPT,
        client=CLIENT,
        ref=5,
        node=NODE,
        node_name="attic",
        model="m",
        kind="chat",
        max_tokens=6,
        stream=True,
        queued_ms=8,
    )

    message = translate.offer(command)

    assert_carried(command, message)
    assert decode_to_client(encode(message)) == message


def test_a_reason_to_wait() -> None:
    command = SayWait(
        client=CLIENT,
        ref=5,
        task=TASK,
        code=WaitReason.BUSY,
        text="all slots are taken",
        position=3,
    )

    message = translate.wait_notice(command)

    assert_carried(command, message)
    assert decode_to_client(encode(message)) == message


def test_a_failure_for_a_client() -> None:
    command = FailTask(
        **ATTEMPT,
        client=CLIENT,
        ref=5,
        code=FailCode.NO_CAPACITY,
        message="nobody is there",
        retry_after_s=2.5,
        attempts=1,
        begun=True,
    )

    message = translate.failure(command)

    assert_carried(command, message)
    assert decode_to_client(encode(message)) == message


def test_a_cancellation() -> None:
    command = CancelAttempt(**ATTEMPT, node=NODE)

    message = translate.cancel(command)

    assert_carried(command, message, ref=0)
    assert decode_to_node(encode(message)) == message
