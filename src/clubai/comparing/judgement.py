"""What is compared and what comes of it: `Candidate` and `Judgement`."""

from __future__ import annotations

from typing import Literal

from clubai.model import Value

Reason = Literal[
    "majority",
    "medoid",
    "too_few",
    "different_finish",
    "no_value",
    "none_alike",
    "tie",
    "no_majority",
]
"""Why a judgement is as it is.

| reason             | what it says                                                |
|--------------------|-------------------------------------------------------------|
| `majority`         | more than half of the answers give the chosen value         |
| `medoid`           | more than half of the texts are like the chosen one         |
| `too_few`          | fewer than two answers can be compared                      |
| `different_finish` | no way to end is that of more than half of the answers      |
| `no_value`         | no answer has a value of the comparator's kind              |
| `none_alike`       | no two answers agree                                        |
| `tie`              | two groups that agree are equally large                     |
| `no_majority`      | some agree, and they are not more than half                 |
"""


class Candidate(Value, frozen=True, kw_only=True):
    """One answer."""

    label: str
    """Whose answer it is, such as a node's id; no two candidates share one."""
    text: str
    finish_reason: str = "stop"
    comparable: bool = True
    """False for an answer of another model or quantisation: it has no vote."""


class Vote(Value, frozen=True, kw_only=True):
    """Answers that agree."""

    value: str | None
    """What they give; None when texts are compared."""
    labels: tuple[str, ...]
    """The first is the one that the others are alike to."""


class Likeness(Value, frozen=True, kw_only=True):
    """How alike one answer is to the leading one."""

    label: str
    similarity: float


class Judgement(Value, frozen=True, kw_only=True):
    """Which answer stands for all, and who agrees with it. Labels are in order."""

    chosen: str | None
    """The label of the answer that more than half agree with; None without a quorum."""
    text: str
    """The whole text of the chosen answer; empty without a quorum."""
    quorum: bool
    """Whether more than half of the comparable answers, and at least two, agree."""
    settled: bool
    """Whether they are as many as that of all answers that were planned, too."""
    agreement: float
    """The share of the comparable answers that agree with the leading one, 0 to 1."""
    reason: Reason
    leading: str | None
    """The answer to show if one must be shown: the chosen one, or without a quorum the
    one nearest to the others; None when two are equally near."""
    supporters: tuple[str, ...] = ()
    """Who agrees with the leading answer, itself included."""
    dissent: tuple[str, ...] = ()
    """Who was compared, and does not."""
    outliers: tuple[str, ...] = ()
    """The dissenters that are far from all supporters together, among three answers or
    more, with a quorum. It is a reason to look closer, not a proof."""
    aside: tuple[str, ...] = ()
    """Who was not compared: it is of another model, or ended in another way."""
    votes: tuple[Vote, ...] = ()
    """Those who agree, the largest group first. An answer without a value has none."""
    similarities: tuple[Likeness, ...] = ()
    """Of each other answer to the leading one, where they can be compared."""
