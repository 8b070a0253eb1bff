"""How alike two texts are in their words; it knows nothing of what they mean."""

from __future__ import annotations

import re
from typing import Final

from rapidfuzz import fuzz

from clubai.comparing.normal import ends, normalise, said

_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Scripts that write no spaces between words: there each character counts as one."""
_TOKEN: Final = re.compile(f"[{_UNSPACED}]|[^ {_UNSPACED}]+")


def similarity(a: str, b: str, *, cosine: float | None = None) -> float:
    """How alike two answers are, from 0 to 1; 1 when they are of the same words.

    The mean of the share of words that both have (Jaccard) and of the share of
    characters that both have in the same order (rapidfuzz's `ratio`), times twice the
    length of the shorter by that of the longer where this is below 1. All of it is of
    the normalised texts; of long ones, of their ends.

    `cosine` is that of the texts' embeddings, and a third part of the mean. It must not
    come from a node that is judged by it.
    """
    return alike_in_words(wording(a), wording(b), cosine=cosine)


def wording(text: str) -> str:
    """The part of an answer's normalised text that is compared."""
    return ends(normalise(ends(said(text)))).replace("\n", " ")


def alike_in_words(a: str, b: str, *, cosine: float | None = None) -> float:
    """`similarity` of two texts that `wording` made."""
    if a == b and cosine is None:
        return 1.0
    parts = [_jaccard(a, b), fuzz.ratio(a, b) / 100]
    if cosine is not None:
        parts.append(_share(cosine))
    longer = max(len(a), len(b), 1)
    return sum(parts) / len(parts) * min(1.0, 2 * min(len(a), len(b)) / longer)


def _jaccard(a: str, b: str) -> float:
    words, others = set(_TOKEN.findall(a)), set(_TOKEN.findall(b))
    if not words and not others:
        return 1.0
    return len(words & others) / len(words | others)


def _share(cosine: float) -> float:
    if cosine != cosine:
        msg = "cosine is not a number: compare without it"
        raise ValueError(msg)
    return min(1.0, max(0.0, cosine))
