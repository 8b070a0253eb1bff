"""An answer's own words: without reasoning, form, capitals and ways to write a letter.

Each step takes time in proportion to the text, whatever the text is. `said` reads all
of it; whoever compares then takes the two ends of a long one with `ends`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

MAX_COMPARED: Final = 16_384
"""Characters that are compared: of longer texts the first and the last half of them."""
MAX_MARKS: Final = 30
"""Combining marks kept on one letter. To sort them takes the square of their number."""

_REASONING: Final = re.compile(
    r"<(think|thinking|thought|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE
)
_FENCE: Final = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[\w+.-]*[ \t]*$", re.MULTILINE)
_BECOME_MARKS: Final = "\u0f73\u0f75\u0f81\uff9e\uff9f"
"""What is no combining mark by its class, and nothing but marks once decomposed."""
_MARKS: Final = re.compile(rf"[\W\uff9e\uff9f]{{{MAX_MARKS + 1}}}")
"""Every run of too many marks, and of other things too: a quick first look."""
_WORD: Final = re.compile(r"\w+")


def normalise(text: str) -> str:
    """The words of an answer, joined by single spaces: what `text` is compared by.

    Reasoning and the marks of fenced blocks go; the rest is NFKC, casefolded, and of
    that the runs of letters, digits and underscores. The equality tags of sealed
    answers are made from the same words.
    """
    text = folded(_FENCE.sub("", said(text)), "NFKC").casefold()
    return " ".join(_WORD.findall(text))


def said(text: str) -> str:
    """What an answer says outside of its reasoning.

    Text in reasoning tags goes, also when the closing tag never came or the opening one
    was in the prompt.
    """
    return _REASONING.sub("", text).rpartition("</think>")[2]


def fenced(text: str) -> list[str]:
    """What the fenced blocks of a text hold, in order."""
    return _FENCE.split(text)[1::2]


def ends(text: str) -> str:
    """The text, or the first and the last half of what is compared of a long one."""
    if len(text) <= MAX_COMPARED:
        return text
    half = MAX_COMPARED // 2
    return f"{text[:half]}\n{text[-half:]}"


def folded(text: str, form: Literal["NFC", "NFKC"]) -> str:
    """The text in a Unicode normal form."""
    if text.isascii():
        return text
    return unicodedata.normalize(form, _with_few_marks(text))


def _with_few_marks(text: str) -> str:
    if not _MARKS.search(text):
        return text
    kept = []
    run = 0
    for character in text:
        is_mark = unicodedata.combining(character) or character in _BECOME_MARKS
        run = run + 1 if is_mark else 0
        if run <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)
