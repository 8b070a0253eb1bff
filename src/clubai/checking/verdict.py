"""`Verdict`: what came of one check, as it is told and as it is kept."""

from __future__ import annotations

from typing import NamedTuple

from clubai.checking.asking import Reply
from clubai.core.standing import Owed
from clubai.reputation.facts import CheckEnded, CheckKind
from clubai.verification.review import Evidence, Shown, kept


class Verdict(NamedTuple):
    """How an answer was judged, and by what."""

    kind: CheckKind
    reply: Reply
    passed: bool
    why: str
    prompt: str
    expected: str = ""
    references: tuple[Reply, ...] = ()


def fact_of(verdict: Verdict, owed: Owed, check: str) -> CheckEnded:
    """What standing is told."""
    return CheckEnded(
        node=owed.node,
        check=check,
        model=owed.model,
        kind=verdict.kind,
        passed=verdict.passed,
        why=verdict.why,
    )


def evidence_of(verdict: Verdict, owed: Owed, check: str, *, at: float) -> Evidence:
    """What is kept for a review."""
    return Evidence(
        check=check,
        at=at,
        node=owed.node,
        model=owed.model,
        kind=verdict.kind,
        prompt=kept(verdict.prompt),
        expected=kept(verdict.expected),
        got=kept(verdict.reply.text),
        passed=verdict.passed,
        why=verdict.why,
        references=tuple(
            Shown(node=each.node, text=kept(each.text)) for each in verdict.references
        ),
    )
