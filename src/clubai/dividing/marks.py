"""Marks such as `[3]` or `[1, 4-6]`: the passages that a text says it rests on.

What is in code (`a[0]` between backticks), between more brackets (`[[3]]`), before the
address of a link or above the number of any passage (`[2024]`) is no mark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from typing import Final, NamedTuple

from clubai.dividing.options import MOST_PARTS

MOST_IN_RANGE: Final = 32
"""Passages between the two numbers of a range; a wider one is read as its ends."""

_SPACE: Final = " \t"
_CODE: Final = r"```.*?(?:```|\Z)|`[^`\n]*`"
_MARK: Final = re.compile(
    rf"{_CODE}|\[(?P<numbers>\d{{1,4}}(?: ?[,;\u2013-] ?\d{{1,4}}){{0,31}})\]"
    r"(?!\(|[^\[\]]{0,300}\])",  # no mark is longer than that
    re.DOTALL | re.ASCII,
)
_ROUND: Final = str.maketrans("[]", "()")
_RANGE: Final = re.compile(r"(\d+)(?: ?[\u2013-] ?(\d+))?")


class Mark(NamedTuple):
    """Where a mark is, with the space that goes when it goes, and what it names."""

    start: int
    end: int
    numbers: tuple[int, ...]


def marks(text: str) -> Iterator[Mark]:
    """The marks of a text, in order."""
    before = 0
    at_line_start = True
    for match in _MARK.finditer(text):
        numbers = _numbers(match["numbers"] or "")
        if not numbers:
            continue
        start, end = match.span()
        while start > before and text[start - 1] in _SPACE:
            start -= 1
        if start > before:
            at_line_start = text[start - 1] == "\n"
        while at_line_start and end < len(text) and text[end] in _SPACE:
            end += 1
        yield Mark(start, end, numbers)
        before = end


def strip_marks(text: str) -> str:
    """The text without its marks."""
    return _replaced(text, lambda written, numbers: "")


def keep_marks(text: str, known: Container[int]) -> str:
    """The text with those numbers alone in its marks that are known."""

    def kept(written: str, numbers: tuple[int, ...]) -> str:
        left = ", ".join(str(number) for number in numbers if number in known)
        before, after = written.split("[")[0], written.split("]")[-1]
        return f"{before}[{left}]{after}" if left else ""

    return _replaced(text, kept)


def disarm_marks(text: str) -> str:
    """The text with round brackets around what reads as a mark and is none of ours."""
    return _replaced(text, lambda written, numbers: written.translate(_ROUND))


def _replaced(text: str, by: Callable[[str, tuple[int, ...]], str]) -> str:
    parts: list[str] = []
    at = 0
    for mark in marks(text):
        parts += text[at : mark.start], by(text[mark.start : mark.end], mark.numbers)
        at = mark.end
    return "".join([*parts, text[at:]])


def _numbers(written: str) -> tuple[int, ...]:
    numbers: set[int] = set()
    for match in _RANGE.finditer(written):
        first, last = int(match[1]), int(match[2] or match[1])
        wide = last - first > MOST_IN_RANGE
        numbers.update((first, last) if wide else range(first, last + 1))
    return tuple(sorted(n for n in numbers if 1 <= n <= MOST_PARTS))
