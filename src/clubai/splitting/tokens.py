"""How many tokens a text has for a model whose tokenizer is not at hand.

A node may run any model, so the estimate is for none in particular and leans to the
high side. It adds up weights of kinds of bytes and of some sequences of them:
`bytes.translate` names the kinds and `bytes.count` counts them, which is quick.
The weights were fitted to the tokenizers of seven families; `docs/splitting.md` has the
ratios, and `tests/splitting/test_tokens.py` checks them against the embedded model.
"""

from __future__ import annotations

from typing import Final

LOWER: Final = b"a"
UPPER: Final = b"A"
DIGIT: Final = b"0"
SPACE: Final = b" "
TAB: Final = b"\t"
NEWLINE: Final = b"\n"
OTHER: Final = b"!"
INSIDE: Final = b"."
"""A byte of a character after the first one."""

_FIRST_BYTES: Final = {
    b"L": (0xC2, 0xC3, 250),  # Latin of Western Europe
    b"X": (0xC4, 0xCD, 310),  # other Latin: their words are in more pieces
    b"G": (0xCE, 0xCF, 140),  # Greek
    b"C": (0xD0, 0xD3, 120),  # Cyrillic
    b"S": (0xD4, 0xDF, 210),  # Armenian, Hebrew, Arabic
    b"I": (0xE0, 0xE0, 220),  # scripts of South Asia, Thai
    b"V": (0xE1, 0xE1, 230),  # Vietnamese, Georgian, Khmer
    b"M": (0xE2, 0xE2, 200),  # typographic marks, arrows, mathematics
    b"K": (0xE3, 0xE3, 190),  # Kana
    b"H": (0xE4, 0xE9, 210),  # Han
    b"J": (0xEA, 0xED, 290),  # Hangul
    b"W": (0xEE, 0xEF, 300),  # private use, full width
    b"E": (0xF0, 0xFF, 400),  # emoji, rare Han
}
"""By the first byte of a character in UTF-8: kind, range, weight."""

_ASCII_WEIGHTS: Final[tuple[tuple[bytes, int], ...]] = (
    (UPPER, 95),
    (DIGIT, 100),
    (SPACE, 10),
    (TAB, 100),
    (NEWLINE, 110),
    (OTHER, 100),
    # A word or a number starts.
    (SPACE + LOWER, 95),
    (TAB + LOWER, 95),
    (NEWLINE + LOWER, 95),
    (OTHER + LOWER, 95),
    (SPACE + DIGIT, 95),
    # Identifiers, hexadecimal and base64 change kind often, and cost by it.
    (LOWER + UPPER, 90),
    (LOWER + DIGIT, 90),
    (DIGIT + LOWER, 90),
    (UPPER + DIGIT, 90),
    (DIGIT + UPPER, 90),
    # The longer a word, the likelier that it is in pieces.
    (LOWER * 4, 60),
    (LOWER * 6, 90),
    (LOWER * 8, 100),
    (LOWER * 16, 270),
)
"""Hundredths of a token for each place where the kinds are found."""


def _kinds() -> bytes:
    kinds = bytearray(OTHER * 128 + INSIDE * 128)
    for kind, members in (
        (DIGIT, b"0123456789"),
        (UPPER, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        (LOWER, b"abcdefghijklmnopqrstuvwxyz"),
        (SPACE, b" "),
        (TAB, b"\t"),
        (NEWLINE, b"\r\n"),
    ):
        for byte in members:
            kinds[byte] = kind[0]
    for kind, (first, last, _) in _FIRST_BYTES.items():
        kinds[first : last + 1] = kind * (last + 1 - first)
    return bytes(kinds)


_KINDS: Final = _kinds()


def estimate_tokens(text: str) -> int:
    """Tokens that `text` has at most, for most texts and most models.

    English prose is overestimated by about half. No character counts more than 4. A
    part of a text never counts more than all of it, and two texts together count up to
    6 more, or 2 less, than both alone.
    """
    if not text:
        return 0
    # The space in front lets a first word start as all others do.
    kinds = (" " + text).encode("utf-8", "surrogatepass").translate(_KINDS)
    total = sum(weight * kinds.count(places) for places, weight in _ASCII_WEIGHTS) - 10
    if not text.isascii():
        for kind, (_, _, weight) in _FIRST_BYTES.items():
            total += weight * kinds.count(kind)
    return -(-total // 100)
