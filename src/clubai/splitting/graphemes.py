"""Graphemes: what people see as one character, and Python as one or more."""

from __future__ import annotations

from typing import Final

import regex

GRAPHEME: Final = regex.compile(r"\X")


def is_in_grapheme(document: str, offset: int) -> bool:
    """Whether the characters beside the offset belong together."""
    pair = GRAPHEME.match(document[max(offset - 1, 0) : offset + 1])
    return pair is not None and pair.end() == 2


def last_grapheme(document: str, start: int, limit: int) -> int:
    """The last end of a grapheme up to `limit`; `limit` itself when there is none."""
    last = start
    # A slice: among flags, the pattern looks back to the first of them.
    for grapheme in GRAPHEME.finditer(document[start : limit + 1]):
        if start + grapheme.end() > limit:
            break
        last = start + grapheme.end()
    return last if last > start else limit
