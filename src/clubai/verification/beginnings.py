"""An answer that did not come to its end, by the words that it begins with.

What was cut has fewer words than it would have, or goes on where others ended: it is
compared only as far as both go. To begin otherwise is to be another answer; to begin
alike says nothing, for the rest is not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from clubai.comparing import THRESHOLD, normalise, similarity
from clubai.comparing.echoes import ECHO

FEWEST_WORDS: Final = 12
"""Beginnings that are shorter say nothing."""


def likeness(text: str, other: str) -> float | None:
    """How alike two texts are as far as the shorter one goes; None: too short."""
    one, two = normalise(text).split(), normalise(other).split()
    words = min(len(one), len(two))
    if words < FEWEST_WORDS:
        return None
    return similarity(" ".join(one[:words]), " ".join(two[:words]))


def another(text: str, others: Iterable[str], prompt: str) -> float | None:
    """How alike it begins to what it is most like, when that is another answer.

    None: it says nothing. The request over again is another answer, too.
    """
    found = [likeness(text, other) for other in others]
    known = [each for each in found if each is not None]
    if not known or len(known) < len(found):
        return None
    alike = max(known)
    echo = likeness(text, prompt)
    is_echo = echo is not None and echo >= ECHO
    return alike if alike < THRESHOLD or is_echo else None
