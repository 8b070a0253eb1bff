"""Which of several answers to one request stands for them all.

Of n comparable answers, n // 2 + 1 and at least two are a majority. Two answers agree
when their values are at least `threshold` alike. An answer is as near to the others as
it is alike to the last of those that it needs to be a majority with them. The nearest
one leads; among equals it is the one with the highest sum of similarities, and of
those that give the same value the one whose text is most like those of the others. It
is chosen when it is so near that the whole majority agrees with it.

So fewer than half of the answers cannot bring forward one of their own by being alike
to each other, however alike: one of the rest would have to be like it. As long as any
two good answers are more alike than a good and a bad one, a good one leads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from clubai.comparing.comparator import Comparator
from clubai.comparing.echoes import without_echoes
from clubai.comparing.judgement import Candidate, Judgement, Likeness, Reason, Vote
from clubai.comparing.table import Table

THRESHOLD: Final = 0.30
"""How alike two texts are that agree; what it catches is measured."""
CUT: Final = "length"
"""The finish reason of an answer that `max_tokens` cut off."""


def judge(
    candidates: Iterable[Candidate],
    comparator: Comparator,
    *,
    threshold: float = THRESHOLD,
    replicas: int = 0,
    prompt: str = "",
) -> Judgement:
    """Compare answers to one request, in whatever order they came.

    Those are compared that ended in the same way as more than half of the comparable
    ones; the rest count as answers all the same. `replicas` is how many answers are
    planned: until a majority of these agrees, nothing is `settled`. With the `prompt`,
    a text that repeats it agrees with nothing, unless more than half of them do.

    A pair of long texts takes up to 50 ms: for many of them call it in a thread.

    Raises:
        ValueError: two candidates have the same label, or the threshold is not above 0
            and at most 1.
    """
    if not 0 < threshold <= 1:
        msg = f"threshold = {threshold!r}: it must be above 0 and at most 1"
        raise ValueError(msg)
    ordered = _in_order(candidates)
    voters = [each for each in ordered if each.comparable]
    finish = _common_finish(voters)
    alike = [each for each in ordered if each.finish_reason == finish]
    values = {each.label: comparator.extract(each.text) for each in alike}
    voting = {each.label: values[each.label] for each in alike if each.comparable}
    if comparator.kind == "text":
        voting = without_echoes(voting, prompt)
    needed = majority(len(voters))
    texts = {each.label: each.text for each in alike}
    table = Table(voting, texts, comparator, threshold=threshold, needed=needed)
    leading = table.leading()
    supporters = [] if leading is None else table.agreeing(leading)
    quorum = len(supporters) >= needed
    chosen = leading if quorum else None
    groups = table.groups(leading)
    return Judgement(
        chosen=chosen,
        text="" if chosen is None else texts[chosen],
        quorum=quorum,
        settled=len(supporters) >= majority(max(len(voters), replicas)),
        agreement=len(supporters) / max(1, len(voters)),
        reason=_reason(comparator, len(voters), len(voting), groups, quorum=quorum),
        leading=leading,
        supporters=tuple(supporters),
        dissent=tuple(each for each in voting if each not in {leading, *supporters}),
        outliers=table.outliers(supporters) if quorum and finish != CUT else (),
        aside=tuple(each.label for each in ordered if each.label not in voting),
        votes=tuple(_vote(comparator, values, group) for group in groups),
        similarities=_likenesses(comparator, values, leading),
    )


def majority(answers: int) -> int:
    """How many of so many answers are more than half, and at least two."""
    return max(2, answers // 2 + 1)


def _in_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    ordered = sorted(candidates, key=lambda candidate: candidate.label)
    for one, other in pairwise(ordered):
        if one.label == other.label:
            msg = f"two candidates are labelled {one.label!r}: each needs its own"
            raise ValueError(msg)
    return ordered


def _common_finish(voters: Sequence[Candidate]) -> str | None:
    """How more than half of the answers ended; None when there is no such way."""
    reasons = Counter(each.finish_reason for each in voters)
    return next((each for each in reasons if 2 * reasons[each] > len(voters)), None)


def _reason(
    comparator: Comparator,
    voters: int,
    compared: int,
    groups: Sequence[Sequence[str]],
    *,
    quorum: bool,
) -> Reason:
    if quorum:
        return "medoid" if comparator.kind == "text" else "majority"
    if voters < 2:
        return "too_few"
    if not compared:
        return "different_finish"
    if not groups:
        return "no_value"
    largest, second = [*map(len, groups), 0][:2]
    if largest == 1:
        return "none_alike"
    return "tie" if largest == second else "no_majority"


def _likenesses(
    comparator: Comparator, values: Mapping[str, str | None], leading: str | None
) -> tuple[Likeness, ...]:
    """Also of answers that have no vote: they are recorded, and decide nothing."""
    if leading is None:
        return ()
    return tuple(
        Likeness(label=label, similarity=comparator.alike(values[leading], value))
        for label, value in values.items()
        if label != leading
    )


def _vote(
    comparator: Comparator, values: Mapping[str, str | None], group: Sequence[str]
) -> Vote:
    value = None if comparator.kind == "text" else values[group[0]]
    return Vote(value=value, labels=tuple(group))
