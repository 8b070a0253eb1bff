"""The form that answers have, whoever asked for it: a document, a number, a letter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from clubai.comparing.comparator import ComparatorKind
from clubai.comparing.documents import json_value
from clubai.comparing.marks import boxed
from clubai.comparing.normal import said

MAX_SHORT: Final = 40
"""Characters of an answer that is but a number or a letter."""

_NUMBER: Final = re.compile(r"[-+$€£≈=~*\s]*\d[\d.,'/^e\s]*[%*\s.]*", re.IGNORECASE)
_LETTER: Final = re.compile(r"[\W_]*[A-J][\W_]*")


def form_of(answers: Sequence[str]) -> ComparatorKind:
    """The kind of value that more than half of the answers are; `text` for prose."""
    forms = [_form(said(answer)) for answer in answers]
    return next((form for form in forms if 2 * forms.count(form) > len(forms)), "text")


def _form(answer: str) -> ComparatorKind:
    answer = answer.strip()
    if answer.startswith(("{", "[", "```")):
        document = json_value(answer)
        return "json" if document and document.startswith(("{", "[")) else "text"
    short = boxed(answer) or answer
    if len(short) <= MAX_SHORT:
        if _NUMBER.fullmatch(short):
            return "number"
        if _LETTER.fullmatch(short):
            return "choice"
    return "text"
