"""Every field arrives where its name says, and none is left at its default."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from clubai.coordinator import translate
from clubai.core.commands import (
    CancelAttempt,
    FailTask,
    SayWait,
    WaitReason,
)
from clubai.core.events import ClientKey
from clubai.crypto.attestation import read_attestation
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
)
from support.sealed_peers import attested

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
        boot=b"b" * 16,
        bundle=b"bundle",
        bundle_sig=b"t" * 64,
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
        cvk=b"c" * 32,
        group=b"g" * 16,
        group_size=3,
        exclude=(b"x" * 32,),
        pinned=(b"p" * 32,),
    )
    assert decode_from_client(encode(message)) == message

    requested = translate.task_requested(
        message, task=TASK, client=CLIENT, member=OWNER, key_id="abcd1234", check=True
    )

    assert_carried(
        message,
        requested,
        task=TASK,
        client=CLIENT,
        member=OWNER,
        key_id="abcd1234",
        check=True,
    )


def test_an_acceptance() -> None:
    message = TaskAccept(**ATTEMPT)

    assert_carried(message, translate.task_accepted(message, node=NODE), node=NODE)


def test_a_reply() -> None:
    message = TaskRecord(**ATTEMPT, seq=7, fin=True, ct=b"sealed")

    assert_carried(message, translate.reply_begun(message, node=NODE), node=NODE)


def test_a_result() -> None:
    message = attested(TASK)
    said = read_attestation(message.body)

    finished = translate.task_finished(
        replace(message, part=1, attempt=2),
        said,
        node=NODE,
        request_bytes=23,
        answer_bytes=24,
    )

    assert (finished.node, finished.task, finished.part, finished.attempt) == (
        NODE,
        TASK,
        1,
        2,
    )
    assert finished.usage == Usage(prompt_tokens=5, completion_tokens=2)
    assert (finished.first_token_ms, finished.total_ms) == (90, 400)
    assert (finished.request_bytes, finished.answer_bytes) == (23, 24)


def test_a_failure_of_a_node() -> None:
    message = TaskFail(
        **ATTEMPT,
        code=FailCode.BACKEND,
        message="it broke",
        ref=1,
        retry_after_s=2.0,
        attempts=3,
        begun=True,
        sealed=b"words",
    )

    assert_carried(message, translate.attempt_failed(message, node=NODE), node=NODE)


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
        sealed=b"words",
    )

    message = translate.failure(command)

    assert_carried(command, message)
    assert decode_to_client(encode(message)) == message


def test_a_cancellation() -> None:
    command = CancelAttempt(**ATTEMPT, node=NODE)

    message = translate.cancel(command)

    assert_carried(command, message, ref=0)
    assert decode_to_node(encode(message)) == message


@pytest.mark.parametrize(
    ("wait_s", "said"), [(None, None), (3.5, 3.5), (1e9, 86_400.0)]
)
def test_a_wait_is_told_as_long_as_a_message_can(
    wait_s: float | None, said: float | None
) -> None:
    assert translate.bounded_seconds(wait_s) == said
