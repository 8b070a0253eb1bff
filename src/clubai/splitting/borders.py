"""Where a document may be cut: levels of borders, from the strongest to the weakest.

A border is an offset, and never inside a grapheme. What separates two units (blank
lines, a line end, spaces) has one on either side, so that a unit never counts what is
behind it. The levels of text and code are here, those of Markdown in
`clubai.splitting.markdown`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from clubai.splitting.graphemes import is_in_grapheme

Finder = Callable[[str], Iterable[int]]
"""Finds the borders of one level in a document, in order."""

NEWLINE: Final = r"(?:\r\n?+|\n)"
BLANK: Final = rf"{NEWLINE}(?:[ \t]*+{NEWLINE})"
"""The end of a line and one blank line; more of them with a quantifier behind."""


class Borders:
    """The levels of one document; each has its beginning and all stronger borders too.

    A weak level is searched for only when it is asked for. `whole` is the number of the
    weakest level whose units mean something on their own: sentences, or lines of code.
    """

    def __init__(self, document: str, finders: Iterable[Finder], *, whole: int) -> None:
        self._document = document
        self._finders = tuple(finders)
        self._levels: list[list[int]] = []
        self.whole = whole % len(self._finders)

    def __len__(self) -> int:
        return len(self._finders)

    def __getitem__(self, level: int) -> list[int]:
        """The borders of `level` and of all stronger levels, in order."""
        while len(self._levels) <= level:
            stronger = self._levels[-1] if self._levels else [0]
            own = self._finders[len(self._levels)](self._document)
            self._levels.append(sorted([*stronger, *filter(self._may_be, own)]))
        return self._levels[level]

    def _may_be(self, border: int) -> bool:
        # Nothing that is found here comes before ASCII inside a grapheme.
        following = self._document[border : border + 1]
        return following.isascii() or not is_in_grapheme(self._document, border)

    def __iter__(self) -> Iterator[list[int]]:
        return (self[level] for level in range(len(self)))


def separated_by(pattern: str, *, before: str = "") -> Finder:
    """The borders on both sides of whatever matches, where `before` comes next."""
    separator = re.compile(pattern)
    # Not a part of the pattern: it would be tried at each blank line of many.
    after = re.compile(before)

    def find(document: str) -> Iterator[int]:
        for match in separator.finditer(document):
            if after.match(document, match.end()):
                yield match.start()
                yield match.end()

    return find


def following(pattern: str) -> Finder:
    """The borders behind whatever matches, and behind the spaces that come next."""
    ending = re.compile(pattern)
    spaces = re.compile(r"\s*")

    def find(document: str) -> Iterator[int]:
        for match in ending.finditer(document):
            yield match.end()
            space = spaces.match(document, match.end())
            if space is not None and space.end() > match.end():
                yield space.end()

    return find


_CLOSING: Final = r"[\"'\u2019\u201d\u00bb)\]*_]*"
"""What may stand between the end of a sentence and the space behind it."""
_NOT_TITLES: Final = "".join(
    rf"(?<!\b{title}\.)" for title in ("Mr", "Mrs", "Ms", "Dr", "St", "Prof", "[A-Z]")
)
_HAN_CLOSING: Final = r"[\u300d\u300f\u201d\u2019\uff09)]*"

GAPS: Final = separated_by(rf"{BLANK}{{2,}}+(?:\f\s*+)?|\f\s*+")
PARAGRAPHS: Final = separated_by(rf"{BLANK}++")
LINES: Final = separated_by(NEWLINE)
SENTENCES: Final = following(
    rf"(?:\.(?<!\.\.){_NOT_TITLES}|\u2026){_CLOSING}(?=\s+[^a-z\s])"
    # also the marks of Arabic and Urdu, of India, and full width ones
    rf"|[!?\u061f\u06d4\u0964\u0965]{_CLOSING}(?=\s)"
    rf"|[\u3002\uff01\uff1f\uff61]{_HAN_CLOSING}"
)
WORDS: Final = separated_by(r"\s+")
CLAUSES: Final = following(r"[\u3001\uff0c\uff1b\uff1a\u2014]")
"""Full width commas, semicolons and colons; dashes."""
DEFINITIONS: Final = separated_by(rf"{BLANK}++", before=r"[^\s)\]}]")
"""Blank lines before code that is not indented and closes nothing."""
MEMBERS: Final = separated_by(rf"{BLANK}++", before=r"(?: {1,4}|\t)[^\s)\]}]")
"""Blank lines before code that is indented once."""

PROSE: Final[tuple[Finder, ...]] = (LINES, SENTENCES, WORDS, CLAUSES)
"""What is inside a paragraph."""


def text_borders(document: str) -> Borders:
    """Several blank lines, a blank line, and what is inside a paragraph."""
    return Borders(document, (GAPS, PARAGRAPHS, *PROSE), whole=-3)


def code_borders(document: str) -> Borders:
    """Blank lines, first those before the least indented code; then lines and words."""
    levels = (DEFINITIONS, MEMBERS, PARAGRAPHS, LINES, WORDS)
    return Borders(document, levels, whole=-2)
