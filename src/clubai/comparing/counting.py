"""Numbers that are written as English words: "forty-two", "three hundred and five"."""

from __future__ import annotations

import re
from typing import Final

from clubai.comparing.marks import last_match

_ONES: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen"
)
_TENS: Final = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL: Final = {word: value for value, word in enumerate(_ONES.split())} | {
    word: 10 * value for value, word in enumerate(_TENS.split(), start=2)
}
SCALES: Final = {
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
MAX_WORDS: Final = 20
"""Of one number."""

_ANY: Final = "|".join([*_SMALL, *SCALES, "hundred"])
_RUN: Final = re.compile(
    rf"\b(minus |negative )?"
    rf"((?:{_ANY})\b(?:[ -](?:and )?(?:{_ANY})\b){{0,{MAX_WORDS}}})",
    re.IGNORECASE,
)


def last_number(text: str) -> int | None:
    """The last number that is written in words; None when there is none."""
    run = last_match(_RUN, text)
    if run is None:
        return None
    value = _value(re.split("[ -]", run[2].casefold()))
    return -value if run[1] else value


def _value(words: list[str]) -> int:
    """What the words add up to; where they are two numbers, the second."""
    total = part = 0
    for word in words:
        if word == "and":
            continue
        if word in SCALES:
            total += max(1, part) * SCALES[word]
            part = 0
        elif word == "hundred":
            part = max(1, part) * 100
        elif _fits(part, _SMALL[word]):
            part += _SMALL[word]
        else:
            total, part = 0, _SMALL[word]
    return total + part


def _fits(part: int, small: int) -> bool:
    """Whether a number goes on with `small`: as "forty" does with "two"."""
    if small >= 10:
        return part % 100 == 0
    return part % 10 == 0 and part % 100 != 10
