from __future__ import annotations

from clubai.model import NodeId
from clubai.reputation.facts import CheckKind
from clubai.verification.review import MAX_TEXT, Evidence, Shown, kept


def test_a_long_text_is_kept_to_its_bound_and_says_so() -> None:
    assert kept("short") == "short"
    assert kept("x" * (MAX_TEXT + 5)) == "x" * MAX_TEXT + "\n[5 characters more]"


def test_what_was_asked_and_said_is_in_no_repr() -> None:
    node = NodeId(bytes(32))
    evidence = Evidence(
        check="c_1",
        at=1.0,
        node=node,
        model="m",
        kind=CheckKind.AGREEMENT,
        prompt="PLANTED",
        expected="PLANTED",
        got="PLANTED",
        passed=False,
        why="PLANTED",
        references=(Shown(node=node, text="PLANTED"),),
    )

    assert "PLANTED" not in repr(evidence) + repr(evidence.references)
    assert "c_1" in repr(evidence)
