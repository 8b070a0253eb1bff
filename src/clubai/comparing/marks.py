r"""Where an answer says its result: in `\boxed{}`, or after "the answer is"."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import Final

BOXED: Final = "\\boxed{"
MAX_BOXED: Final = 1000
"""Characters that a box may hold."""
MAX_STATED: Final = 300

_MARKER: Final = re.compile(
    r"\b(?:answer|result)\b[^.\n:=]{0,60}?(?:\bis\b|[:=])[ \t*_]*", re.IGNORECASE
)
_LINE: Final = re.compile(r"\s*([^\n]*)")


def stated(text: str) -> Iterator[str]:
    """Where an answer says that its result stands, the surest place first.

    What the last box holds; what follows the last "the answer is" on its line.
    """
    box = boxed(text)
    if box is not None:
        yield box
    marker = last_match(_MARKER, text)
    if marker is not None:
        line = _LINE.match(text, marker.end())
        if line is not None and line[1].strip(" *_"):
            yield line[1][:MAX_STATED]


def last_match(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Where a pattern is found last in a text."""
    found = deque(pattern.finditer(text), maxlen=1)
    return found[0] if found else None


def boxed(text: str) -> str | None:
    r"""What the last `\boxed{}` of a text holds; None when it has none that closes."""
    start = text.rfind(BOXED)
    if start < 0:
        return None
    start += len(BOXED)
    depth = 1
    for at, character in enumerate(text[start : start + MAX_BOXED]):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return text[start : start + at]
    return None
