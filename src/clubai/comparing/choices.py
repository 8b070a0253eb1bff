"""Which of a few choices an answer names: the letter of an option, or a word as yes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from clubai.comparing.marks import stated
from clubai.comparing.normal import ends, folded, normalise, said

COMMON: Final = frozenset({"a", "i", "no"})
"""Choices that stand in any text: they must begin an answer, or end it."""
NEGATIONS: Final = ("not", "isn t", "never")

_LEADING: Final = re.compile(
    r"[\W_]*(?:(?:option|choice|answer)\b[\W_]*)?"
    r"(?:([a-z])(?=[).:,;\]*_\n]|\s+[-–—=(]|[\W_]*\Z)|((?-i:[B-HJ-Z]))(?=\s))",  # noqa: RUF001
    re.IGNORECASE,
)
_OR_ANOTHER: Final = re.compile(r"[\W_]{0,9}(?i:and|or)\b[\W_]{0,9}[A-Z]\b")
_MARKED: Final = re.compile(
    r"(?:\b(?:option|choice)\s|\(|\*\*)([a-z])(?!\w)"
    r"|(?<![\w'])(?:((?-i:[A-Z]))(?=[).:](?:\s|\Z))|((?-i:[B-HJ-Z]))(?![\w']))",
    re.IGNORECASE,
)


def choice_value(
    text: str, choices: Sequence[str], meanings: Sequence[str] = ()
) -> str | None:
    """The one of `choices` that an answer names; None when it names none or several.

    It is looked for in the last box, after the last "the answer is", and in all of the
    answer: there it begins or ends it, or is the only one that is named. `meanings` are
    what the choices stand for, in the same order, and count as their names.
    """
    text = folded(ends(said(text)), "NFKC")
    for place in (*stated(text), text):
        names = _lettered if _are_letters(choices) else _named
        found = names(place, choices)
        if found is None and meanings:
            meant = _named(place, meanings)
            found = None if meant is None else choices[meanings.index(meant)]
        if found is not None:
            return found
    return None


def _are_letters(choices: Sequence[str]) -> bool:
    return all(len(choice) == 1 and choice.isalpha() for choice in choices)


def _lettered(place: str, choices: Sequence[str]) -> str | None:
    """The option whose letter begins the text, or is the only one marked as such."""
    by_letter = {choice.casefold(): choice for choice in choices}
    leading = _LEADING.match(place)
    if leading is not None and not _OR_ANOTHER.match(place, leading.end()):
        first = by_letter.get((leading[1] or leading[2]).casefold())
        if first is not None:
            return first
    letters = ("".join(filter(None, mark)) for mark in _MARKED.findall(place))
    found = {by_letter.get(letter.casefold()) for letter in letters} - {None}
    return found.pop() if len(found) == 1 else None


def _named(place: str, names: Sequence[str]) -> str | None:
    """The name that the text begins or ends with, or the only one in it."""
    words = f" {normalise(place)} "
    by_words = {f" {normalise(name)} ": name for name in names if normalise(name)}
    longest = sorted(by_words, key=lambda name: (-len(name), name))
    for name in filter(words.startswith, longest):
        if not words.startswith(f"{name}or "):
            return by_words[name]
    for name in filter(words.endswith, longest):
        before = words.removesuffix(name) + " "
        if not _negated(before) and not before.endswith(" or "):
            return by_words[name]
    found = set()
    for name in longest:
        rest, *more = words.split(name)
        counts = name.strip() not in COMMON or rest.endswith(" or")
        if more and counts and not _negated(rest + " "):
            found.add(name)
        words = words.replace(name, " | ")
    return by_words[found.pop()] if len(found) == 1 else None


def _negated(before: str) -> bool:
    return before.endswith(tuple(f" {word} " for word in NEGATIONS))
