from __future__ import annotations

from clubai.checking.asking import Reply
from clubai.checking.verdict import Verdict, evidence_of, fact_of
from clubai.core.standing import Owed
from clubai.model import NodeId
from clubai.reputation.facts import CheckEnded, CheckKind
from clubai.verification.review import MAX_TEXT

NODE, OTHER = NodeId(bytes(32)), NodeId(b"\1" * 32)
OWED = Owed(node=NODE, model="m")
VERDICT = Verdict(
    CheckKind.ANSWER_KEY,
    Reply(NODE, "x" * (2 * MAX_TEXT), "stop", 9),
    False,
    "another answer",
    "user: Q",
    references=(Reply(OTHER, "right", "stop", 3),),
)


def test_what_is_told_names_what_is_kept() -> None:
    fact = fact_of(VERDICT, OWED, "c_1")
    evidence = evidence_of(VERDICT, OWED, "c_1", at=5.0)

    assert fact == CheckEnded(
        node=NODE,
        check="c_1",
        model="m",
        kind=CheckKind.ANSWER_KEY,
        passed=False,
        why="another answer",
    )
    assert (evidence.check, evidence.at, evidence.node) == ("c_1", 5.0, NODE)
    assert [(each.node, each.text) for each in evidence.references] == [
        (OTHER, "right")
    ]


def test_what_is_kept_is_bounded() -> None:
    assert len(evidence_of(VERDICT, OWED, "c_1", at=5.0).got) < MAX_TEXT + 100
