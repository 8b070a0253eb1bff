"""The grammar of `/`: which rows a typed filter lets through. Pure.

```
attic          a regular expression, found anywhere in the row; case does not matter
!lost          rows in which it is not found
-f atc         fuzzy: the characters in their order, others between them
-l state=lost  the column's text begins with this; several are all needed
```
A regular expression that is not one (yet) is looked for as plain text.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping

Texts = Mapping[str, str]
"""A row's text by the column's name, in lower case both."""
Keep = Callable[[Texts], bool]


def keep_all(_row: Texts) -> bool:
    """No filter."""
    return True


def parse_filter(typed: str) -> Keep:
    """What the typed filter lets through. Never raises: any text is a filter."""
    text = typed.strip()
    turned = False
    while text.startswith("!"):
        turned, text = not turned, text[1:].strip()
    keep = _parse(text)
    if keep is keep_all or not turned:
        return keep
    return lambda row: not keep(row)


def _parse(text: str) -> Keep:
    if not text or text in ("-f", "-l"):
        return keep_all
    if text.startswith("-f "):
        return _fuzzy(text[3:].strip().lower())
    if text.startswith("-l "):
        return _labels(text[3:])
    return _pattern(text)


def _pattern(text: str) -> Keep:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Python will read otherwise
            pattern = re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError):
        pattern = re.compile(re.escape(text), re.IGNORECASE)
    return lambda row: any(pattern.search(value) for value in row.values())


def _fuzzy(text: str) -> Keep:
    letters = [letter for letter in text if not letter.isspace()]

    def keep(row: Texts) -> bool:
        rest = iter("\n".join(row.values()))
        return all(letter in rest for letter in letters)

    return keep


def _labels(text: str) -> Keep:
    wanted = []
    for piece in re.split(r"[,\s]+", text.strip().lower()):
        name, equals, value = piece.partition("=")
        if equals:
            wanted.append((name, value))
    if not wanted:
        return keep_all
    return lambda row: all(
        row.get(name, "").startswith(value) for name, value in wanted
    )
