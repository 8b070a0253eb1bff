from __future__ import annotations

import hashlib

import pytest
from msgspec.structs import replace

from clubai.coordinator.evidence import REMEMBERED, UNSTORED, Evidence, Judged
from clubai.crypto.attestation import Verdict, VerdictValue
from clubai.crypto.identity import Identity
from clubai.errors import RemoteProtocolError
from clubai.model import MemberId, NodeId, TaskId
from clubai.protocol.messages import TaskVerdict
from support.sealed_peers import NOW_MS, attested

TASK, NODE, TH = TaskId(b"t" * 16), NodeId(b"n" * 32), b"h" * 32
ALICE, BOB = MemberId("m_alice"), MemberId("m_bob")
CVK = Identity.generate()
KEY = (TASK, 0, 0)
BODY = attested(TASK).body


def verdict(*, key: Identity = CVK, **changes: object) -> TaskVerdict:
    fields = {
        "th": TH,
        "node": NODE,
        "attestation_hash": hashlib.sha256(BODY).digest(),
        "value": VerdictValue.UNDECRYPTABLE,
        "score_milli": 250,
        "now_ms": NOW_MS,
        **changes,
    }
    body = Verdict(**fields).encode()  # type: ignore[arg-type]
    return TaskVerdict(task=TASK, body=body, sig=key.sign(body))


@pytest.fixture
def evidence() -> Evidence:
    evidence = Evidence()
    evidence.sealed(KEY, Judged(ALICE, NODE, CVK.key, TH))
    evidence.attested(KEY, BODY)
    return evidence


def test_a_verdict_on_the_attested_answer_counts(evidence: Evidence) -> None:
    facts = evidence.judge(verdict(), member=ALICE)

    assert facts is not None
    assert (facts.task, facts.node, facts.member) == (TASK, NODE, ALICE)
    assert (facts.value, facts.score_milli, facts.at_ms) == (1, 250, NOW_MS)
    assert facts.checked
    assert evidence.unstored
    assert evidence.take() == [facts]
    assert not evidence.unstored


def test_a_verdict_comes_once(evidence: Evidence) -> None:
    evidence.judge(verdict(), member=ALICE)
    assert evidence.judge(verdict(), member=ALICE) is None


def test_a_verdict_on_another_answer_is_kept_unchecked(evidence: Evidence) -> None:
    facts = evidence.judge(verdict(attestation_hash=bytes(32)), member=ALICE)
    assert facts is not None
    assert not facts.checked


@pytest.mark.parametrize("change", [{"th": bytes(32)}, {"node": NodeId(bytes(32))}])
def test_a_verdict_on_another_assignment_is_refused(
    evidence: Evidence, change: dict[str, object]
) -> None:
    with pytest.raises(RemoteProtocolError):
        evidence.judge(verdict(**change), member=ALICE)  # type: ignore[arg-type]


def test_only_the_tasks_key_signs_verdicts(evidence: Evidence) -> None:
    with pytest.raises(RemoteProtocolError):
        evidence.judge(verdict(key=Identity.generate()), member=ALICE)
    with pytest.raises(RemoteProtocolError):
        evidence.judge(replace(verdict(), sig=bytes(64)), member=ALICE)


def test_another_members_task_is_as_one_that_never_was(evidence: Evidence) -> None:
    assert evidence.judge(verdict(), member=BOB) is None
    unknown = replace(verdict(), task=b"u" * 16)
    assert evidence.judge(unknown, member=ALICE) is None
    assert not evidence.unstored


def test_the_oldest_are_forgotten(evidence: Evidence) -> None:
    for number in range(REMEMBERED):
        task = TaskId(number.to_bytes(16))
        evidence.sealed((task, 0, 0), Judged(ALICE, NODE, CVK.key, TH))
    assert evidence.judge(verdict(), member=ALICE) is None


def test_verdicts_that_nobody_stores_are_bounded() -> None:
    evidence = Evidence()
    for number in range(UNSTORED + 3):
        task = TaskId(number.to_bytes(16))
        evidence.sealed((task, 0, 0), Judged(ALICE, NODE, CVK.key, TH))
        assert evidence.judge(replace(verdict(), task=task), member=ALICE)
    kept = evidence.take()
    assert len(kept) == UNSTORED
    assert kept[0].task == (3).to_bytes(16), "the oldest go first"
