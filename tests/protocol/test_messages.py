"""The bytes of every message, pinned: a change here is a change of the protocol.

After an intended change, run with `--update-golden` and read the difference.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec
import pytest

from clubai.model import AnswerTag, FailCode, ModelOffer
from clubai.protocol import messages as m
from clubai.protocol.codec import encode

GOLDEN = Path(__file__).parent / "golden.txt"
TASK, KEY, SIG = b"\x01" * 16, b"\x02" * 32, b"\x03" * 64
OFFER = ModelOffer(name="tiny", context=2048, warm=False, kinds=("chat",))
EXAMPLES: tuple[m.Message, ...] = (
    m.Hello(versions=(1,), program="test"),
    m.Welcome(version=1, key=KEY, program="test"),
    m.Goodbye(code=m.CloseCode.REPLACED, reason="newer"),
    m.Notice(code="nodes_busy", text="wait", ref=1, task=TASK, position=2),
    m.NodeRegister(
        key=KEY,
        boot=TASK,
        bundle=b"bundle",
        bundle_sig=SIG,
        name="attic",
        models=(OFFER,),
    ),
    m.NodeBundle(bundle=b"next", bundle_sig=SIG),
    m.NodeRegistered(node=KEY),
    m.NodeHeartbeat(models=(OFFER,), slots=2, running=(TASK,), paused=True),
    m.NodeHeard(),
    m.TaskRequest(ref=1, model="tiny", max_tokens=16, exclude=(KEY,), cvk=KEY),
    m.TaskOffer(ref=1, task=TASK, body=b"assigned", sig=SIG, node_name="a"),
    m.TaskAssign(
        task=TASK,
        attempt=1,
        body=b"assigned",
        sig=SIG,
        enc_head=b"\x04" * 176,
        commit=KEY,
    ),
    m.TaskRecord(task=TASK, seq=7, fin=True, ct=b"sealed"),
    m.TaskAccept(task=TASK, attempt=1),
    m.TaskReply(task=TASK, attempt=1, hdr=b"\x05" * 96),
    m.TaskResult(task=TASK, body=b"\x06" * 172, sig=SIG, eq=KEY, sketch=b"\x07" * 128),
    m.TaskTags(
        group=TASK,
        tags=(AnswerTag(task=TASK, node=KEY, eq=KEY, sketch=b"\x07" * 128),),
        missing=1,
    ),
    m.TaskVerdict(task=TASK, body=b"\x08" * 123, sig=SIG),
    m.TaskFail(
        code=FailCode.NODE_LOST,
        message="gone",
        ref=1,
        task=TASK,
        attempts=2,
        sealed=b"words",
    ),
    m.TaskCancel(task=TASK),
    m.ClubQuery(ref=1, what="log", path="checkpoint"),
    m.ClubAnswer(ref=1, body=msgspec.Raw(b"\x90")),
    m.ClubWatch(ref=1),
    m.ClubUnwatch(ref=1),
)


def line(message: m.Message) -> str:
    return f"{message.__struct_config__.tag} {encode(message).hex()}"


def test_every_message_has_an_example() -> None:
    unions = (m.FromNode, m.ToNode, m.FromClient, m.ToClient)
    classes = {cls for union in unions for cls in get_args(union)}

    assert {type(message) for message in EXAMPLES} == classes


def test_the_bytes_are_those_that_were_agreed(pytestconfig: pytest.Config) -> None:
    lines = [line(message) for message in EXAMPLES]
    if pytestconfig.getoption("--update-golden"):
        GOLDEN.write_text("\n".join(lines) + "\n")

    assert lines == GOLDEN.read_text().splitlines()
