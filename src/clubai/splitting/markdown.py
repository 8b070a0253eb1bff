"""The blocks of a Markdown document: where they are, and under which headings.

markdown-it-py reads the blocks as CommonMark defines them, so that a `#` in code is no
heading, and code may be in a list. What is inside a paragraph is left to
`clubai.splitting.borders`.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from clubai.splitting.borders import NEWLINE, PROSE, Borders, Finder

if TYPE_CHECKING:
    from markdown_it.token import Token

BLOCKS: Final = 6
"""The level of blocks, below six levels of headings; three more are inside or below."""
TITLE_LENGTH: Final = 100
"""The most characters of one heading in a path."""
BETWEEN: Final = " > "

_FRONT_MATTER: Final = re.compile(
    rf"---[ \t]*+{NEWLINE}(?:(?!---|\.\.\.)[^\r\n]*+{NEWLINE})*+(?:---|\.\.\.)[ \t]*+"
    rf"(?:{NEWLINE}|\Z)"
)
_LINE_END: Final = re.compile(NEWLINE)
_SPACE: Final = re.compile(rf"{NEWLINE}(?:[ \t]*+{NEWLINE})*+")


class Markdown:
    """The blocks and headings of one document."""

    def __init__(self, document: str) -> None:
        self._document = document
        self._lines = [0, *(m.end() for m in _LINE_END.finditer(document))]
        spaces = list(_SPACE.finditer(document))
        self._space_starts = [space.start() for space in spaces]
        self._space_ends = [space.end() for space in spaces]
        self._levels: list[list[int]] = [[] for _ in range(BLOCKS + 4)]
        self._headings: list[int] = []
        self._depths: list[int] = []
        self._titles: list[str] = []
        self._parents: list[int] = []
        self._read()

    def borders(self) -> Borders:
        """Headings by rank, blocks, blocks in blocks, and what is in a paragraph."""

        def level(borders: Sequence[int]) -> Finder:
            return lambda _: borders

        levels = [level(borders) for borders in self._levels]
        return Borders(self._document, (*levels, *PROSE), whole=-3)

    def heading(self, offset: int) -> str:
        """The path of the headings above the character at `offset`; itself included."""
        number = bisect_right(self._headings, offset) - 1
        titles: list[str] = []
        while number >= 0:
            titles.append(self._titles[number])
            number = self._parents[number]
        return BETWEEN.join(reversed(titles))

    def _read(self) -> None:
        tokens = parse(self._document)
        above = 0
        for number, token in enumerate(tokens):
            if token.map is None or token.type == "inline":
                continue
            first, last = token.map
            self._add(self._rank(token, above), first)
            if token.level > 0:
                self._add(self._rank(token, above), last)
                continue
            above = heading_level(token)
            if above:
                self._add_heading(first, above, tokens[number + 1])

    @staticmethod
    def _rank(token: Token, above: int) -> int:
        """The level of the border before a block; `above` is that of a heading there.

        A heading stays with what comes after it, if that is no heading of its own rank.
        """
        if token.level > 0:
            return BLOCKS + min(1 + token.level, 3)
        level = heading_level(token)
        if above and (not level or level > above):
            return BLOCKS + 1
        return level - 1 if level else BLOCKS

    def _add(self, rank: int, line: int) -> None:
        """Add the borders before `line`: on both sides of the blank lines there."""
        at = self._lines[line] if line < len(self._lines) else len(self._document)
        self._levels[rank].append(at)
        space = bisect_left(self._space_starts, at) - 1
        if space >= 0 and self._space_ends[space] >= at:
            self._levels[rank].append(self._space_starts[space])

    def _add_heading(self, line: int, level: int, content: Token) -> None:
        parent = len(self._headings) - 1
        while parent >= 0 and self._depths[parent] >= level:
            parent = self._parents[parent]
        self._headings.append(self._lines[line])
        self._depths.append(level)
        self._titles.append(shorten(content.content))
        self._parents.append(parent)


def heading_level(token: Token) -> int:
    """The level of the heading that the block is; 0: it is none."""
    return int(token.tag[1:]) if token.type == "heading_open" else 0


def parse(document: str) -> list[Token]:
    """The document's blocks; front matter counts as blank lines."""
    from markdown_it import MarkdownIt

    front = _FRONT_MATTER.match(document)
    if front is not None:
        matter = front.group()
        blank = "\n" * len(_LINE_END.findall(matter))
        document = blank + document[front.end() :]
    reader = MarkdownIt("commonmark")
    reader.core.ruler.enableOnly(["normalize", "block"])
    return reader.parse(document)


def shorten(title: str) -> str:
    """A title on one line, and not too long."""
    words = " ".join(title.split())
    return words if len(words) <= TITLE_LENGTH else words[: TITLE_LENGTH - 1] + "…"
