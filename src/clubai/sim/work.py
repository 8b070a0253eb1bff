"""What is asked in a simulated club: how long tasks and checks are. ASSUMPTIONS.

Lengths of tasks are spread as those of chats are: most are short, a few are long. A
check is a short question with a short answer, a third of the work of an average task.
Half of the checks have a known answer, half an answer key.
"""

from __future__ import annotations

from random import Random
from typing import Final, NamedTuple

from clubai.reputation.facts import CheckKind

MODEL: Final = "llama-3.1-8b"
MEAN_PROMPT: Final = 800
MEAN_ANSWER: Final = 300
"""Tokens of an average task."""
TOKENS_PER_SECOND: Final = 30.0
"""Of an honest node in the middle."""
MACHINES_SPREAD: Final = 0.6
"""Sigma of the logarithm of nodes' speeds: one in eight is twice as fast."""
CHECK_SHARE: Final = 3
"""An average task is the work of so many checks."""
CHECK_KINDS: Final = (CheckKind.KNOWN_ANSWER, CheckKind.ANSWER_KEY)
"""Each as often as the others."""
_SIZES: Final = 256
_SPREAD: Final = 0.6


class Size(NamedTuple):
    """How much is asked, and how long an honest node takes."""

    prompt: int
    answer: int
    """Tokens."""
    seconds: float
    tokens: int
    """In work of the same weight: a token of an answer costs four of a prompt."""


def sizes(random: Random) -> list[Size]:
    """The sizes that tasks are drawn from."""
    return [_size(random, _lengthen(random)) for _ in range(_SIZES)]


def check_size() -> Size:
    """The size of every check."""
    prompt, answer = MEAN_PROMPT // CHECK_SHARE, MEAN_ANSWER // CHECK_SHARE
    return size(prompt, answer)


def _lengthen(random: Random) -> float:
    return random.lognormvariate(-_SPREAD * _SPREAD / 2, _SPREAD)


def _size(random: Random, factor: float) -> Size:
    answer = max(1, round(MEAN_ANSWER * factor))
    return size(max(1, round(MEAN_PROMPT * _lengthen(random))), answer)


def size(prompt: int, answer: int) -> Size:
    """The size of so many tokens."""
    return Size(prompt, answer, answer / TOKENS_PER_SECOND, prompt + 4 * answer)
