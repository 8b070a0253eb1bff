"""The choices that a prompt offers: options A to D, "yes or no", "one of: x, y"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Final, NamedTuple

from clubai.comparing.normal import ends

LETTERS: Final = "ABCDEFGHIJ"
MAX_MEANING: Final = 200
"""Characters of an option's text."""
MAX_NAMED: Final = 12
"""Choices that a list of words may have."""

_OPTION: Final = re.compile(r"(?<![\w(])\(?([A-J])[).:]\s")
_CHOOSING: Final = re.compile(
    r"\b(?:which|choose|select|pick|answer|reply|respond|say|correct)\b", re.IGNORECASE
)
_ONLY_LETTERS: Final = re.compile(
    r"\bA(?:(?:/[B-J]){1,9}|(?:, ?[B-J]){0,8},? or [B-J])\b"
)
_PAIRS: Final = (("yes", "no"), ("true", "false"))
_ITEM: Final = r"[\"'“‘`]?[\w-]{1,30}[\"'”’`]?"  # noqa: RUF001
_NAMED: Final = re.compile(
    r"\b(?:answer|reply|respond|classify|choose|pick|select|say|label)\b[^.?!\n]{0,80}?"
    r"(?:\b(?:with|as|only|from|between|either|answer|reply|respond|say)|:)\s{1,3}"
    rf"({_ITEM}(?:, {_ITEM}){{0,{MAX_NAMED}}},? or {_ITEM})(?!\s\w)"
    rf"|\bone of(?: these| the following)?(?: \w{{1,20}})?: ?"
    rf"({_ITEM}(?:, {_ITEM}){{1,{MAX_NAMED}}}(?:,? (?:or|and) {_ITEM})?)",
    re.IGNORECASE,
)
_BETWEEN: Final = re.compile(r",? (?:or|and) |, ")


class Choices(NamedTuple):
    """What a prompt lets one choose from."""

    names: tuple[str, ...]
    meanings: tuple[str, ...] = ()
    """The texts of the options whose letters are the names; or nothing."""


def choices_in(prompt: str) -> Choices | None:
    """The choices that a prompt asks to choose from; None when it offers none."""
    prompt = ends(prompt)
    options = _options(prompt)
    letters = _ONLY_LETTERS.search(prompt)
    if len(options) > 1 and ("?" in prompt or _CHOOSING.search(prompt)):
        return Choices(tuple(LETTERS[: len(options)]), tuple(options))
    if letters is not None and _CHOOSING.search(prompt):
        names = tuple(re.findall("[A-J]", letters[0]))
        return Choices(names) if "".join(names) in LETTERS else None
    for one, other in _PAIRS:
        if re.search(rf"\b{one}(?: or |/| / ){other}\b", prompt, re.IGNORECASE):
            return Choices((one, other))
    return _listed(prompt)


def _options(prompt: str) -> Sequence[str]:
    """The texts of the options A, B and so on; the last such list of a prompt."""
    _, *marked = _OPTION.split(prompt)
    letters, texts = marked[::2], marked[1::2]
    if "A" not in letters:
        return []
    start = len(letters) - 1 - letters[::-1].index("A")
    pairs = zip(LETTERS, letters[start:], texts[start:], strict=False)
    return [
        _meaning(text)
        for _, _, text in takewhile(lambda pair: pair[0] == pair[1], pairs)
    ]


def _meaning(text: str) -> str:
    line = text.lstrip().partition("\n")[0][:MAX_MEANING]
    return re.sub(r"[\s,;.?]+(?:or|and)?\s*\Z", "", line)


def _listed(prompt: str) -> Choices | None:
    found = _NAMED.search(prompt)
    if found is None:
        return None
    names = (name.strip("\"'“”‘’`") for name in _BETWEEN.split(found[1] or found[2]))  # noqa: RUF001
    return Choices(tuple(dict.fromkeys(name.casefold() for name in names if name)))
