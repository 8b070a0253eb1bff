"""What kind of answer a request asks for, and so by what its answers are compared."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from clubai.comparing.comparator import Comparator, ComparatorKind
from clubai.comparing.forms import form_of
from clubai.comparing.marks import BOXED
from clubai.comparing.normal import ends
from clubai.comparing.options import LETTERS, Choices, choices_in

JSON_FORMATS: Final = frozenset({"json_object", "json_schema"})
ANY_LETTER: Final = Choices(tuple(LETTERS))
UNSURE: Final = frozenset({"text", "exact"})
"""Kinds that give way to the form of the answers."""

_ASKS: Final = (
    r"\b(?:answer|reply|respond|return|output|give|state|write)\b[^.?!\n]{0,60}"
)
_JSON: Final = re.compile(rf"{_ASKS}\bJSON\b", re.IGNORECASE)
_NUMBER: Final = re.compile(
    r"\b(?:with|just|only|as|single)\s(?:(?:a|an|the|one|only|just|single|whole|final"
    r"|plain|numeric|numerical)\s){0,4}(?:number|integer|numeral|value)\b(?! of)"
    r"|\bas a (?:percentage|decimal|fraction)\b",
    re.IGNORECASE,
)
_HOW_MANY: Final = re.compile(r"\W*how many\b[^.?!\n]{1,200}\?\s*", re.IGNORECASE)
_SUM: Final = re.compile(
    r"\W*(?:what is|what's|how much is|calculate|compute|evaluate)\s"
    r"[\d(](?:[\d\s()+\-*/×÷^.,%x]"  # noqa: RUF001
    r"|(?:plus|minus|times|divided by|of) ){0,200}[\d)%]\s*[.?=]?\s*",
    re.IGNORECASE,
)
_PERCENT: Final = re.compile(r"\bper ?cent(?:age)?\b|\b(?:in|what) %", re.IGNORECASE)


def choose_comparator(
    prompt: str,
    response_format: Mapping[str, object] | None = None,
    kind: ComparatorKind | Literal["auto"] = "auto",
    *,
    tolerance: float | None = None,
    choices: Sequence[str] = (),
    answers: Sequence[str] = (),
) -> Comparator:
    """The comparator for the answers to `prompt`.

    `kind`, `tolerance` and `choices` are what the caller knows. The rest is taken from
    `response_format`, then from what the prompt asks for, then from the form that more
    than half of `answers` have; else it is `text`. Where answers are given, a kind that
    only the prompt suggests must find a value in more than half of them.

    Raises:
        ValueError: `kind` is "choice", and fewer than two choices are given or found.
    """
    prompt = ends(prompt)
    offered = Choices(tuple(choices)) if choices else choices_in(prompt)
    if kind == "auto" and (response_format or {}).get("type") in JSON_FORMATS:
        kind = "json"
    elif kind == "auto" and choices:
        kind = "choice"
    if kind != "auto":
        return _comparator(kind, prompt, offered, tolerance)
    asked = _comparator(_asked(prompt, offered), prompt, offered, tolerance)
    if asked.kind not in UNSURE and _gives_values(asked, answers):
        return asked
    form = form_of(answers)
    if form == "text":
        return asked if asked.kind in UNSURE else Comparator()
    return _comparator(form, prompt, offered or ANY_LETTER, tolerance)


def _comparator(
    kind: ComparatorKind,
    prompt: str,
    offered: Choices | None,
    tolerance: float | None,
) -> Comparator:
    if kind == "number":
        percent = _PERCENT.search(prompt) is not None
        return Comparator(kind=kind, tolerance=tolerance, percent=percent)
    if kind == "choice" and offered is not None:
        names, meanings = offered
        return Comparator(kind=kind, choices=names, meanings=meanings)
    return Comparator(kind=kind)


def _asked(prompt: str, offered: Choices | None) -> ComparatorKind:
    if offered is not None:
        return "choice"
    if _JSON.search(prompt):
        return "json"
    if _NUMBER.search(prompt) or _HOW_MANY.fullmatch(prompt) or _SUM.fullmatch(prompt):
        return "number"
    return "exact" if BOXED in prompt else "text"


def _gives_values(comparator: Comparator, answers: Sequence[str]) -> bool:
    """Whether more than half of the answers have a value; so while there is none."""
    values = sum(comparator.extract(answer) is not None for answer in answers)
    return not answers or 2 * values > len(answers)
