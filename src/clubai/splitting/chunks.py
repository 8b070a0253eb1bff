"""A document in chunks, and chunks as a document again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, Literal, get_args

from clubai.errors import ConfigError
from clubai.model import Value
from clubai.splitting.borders import Borders, code_borders, text_borders
from clubai.splitting.cutting import Count, Cutter
from clubai.splitting.kinds import DocumentKind, kind_of
from clubai.splitting.markdown import Markdown
from clubai.splitting.overlap import Overlap
from clubai.splitting.tokens import estimate_tokens

_VISIBLE: Final = re.compile(r"\S")


class Chunk(Value, frozen=True, kw_only=True):
    """A piece of a document: `document[start:end]`."""

    index: int
    """Its number, from 0."""
    start: int
    """Offset of its first character in the document."""
    end: int
    """Offset behind its last character."""
    fresh: int
    """Offset of what no earlier chunk has; before it is the overlap, if any."""
    text: str
    heading: str
    """The headings above its fresh text: `Part I > Chapter 2`; empty: there are none.

    Only Markdown has headings. One with which the fresh text begins counts as above it.
    """
    tokens: int
    """Tokens of `text`, as they were counted."""


def split(
    document: str,
    *,
    max_tokens: int,
    overlap_tokens: int = 0,
    kind: Literal["auto"] | DocumentKind = "auto",
    count: Count = estimate_tokens,
) -> tuple[Chunk, ...]:
    """Cut a document into chunks of at most `max_tokens`, at its strongest borders.

    The fresh parts of the chunks are the document, in order and without a gap; an empty
    document has no chunks, one that fits has one. In front of its fresh part a chunk
    repeats whole sentences or lines from before it, of at most `overlap_tokens`, or
    words when the last sentence is longer. No more than half of a chunk is repeated.

    The levels of borders, from the strongest to the weakest:

    - text: several blank lines; a blank line; the ends of lines, sentences, words
    - markdown: headings by rank; blocks, each with the heading above it; blocks inside
      blocks, as the items of a list are; the ends of lines, sentences, words
    - code: blank lines before code that is not indented, then before code that is
      indented once, then all others; the ends of lines, words

    What is between two neighbouring borders of a level is a unit. **No unit is cut that
    has at most `max_tokens` less the overlap**: not a section, not a block of code, not
    a sentence. A longer one is cut at borders of the next level, a word between
    graphemes, and a grapheme only when it alone is too long.

    `count` says how many tokens a text has, and must not say more for a part of it. If
    it does, chunks keep to their size all the same, and units may be cut without need.

    Raises:
        ConfigError: an argument cannot be used, or a character alone has more tokens
            than `max_tokens`; by `estimate_tokens` none has more than 4.
    """
    _check(max_tokens, overlap_tokens, kind)
    if kind == "auto":
        kind = kind_of("", document)
    borders, heading = _structure(document, kind)
    repeated = min(overlap_tokens, max_tokens // 2)
    room = max_tokens - repeated
    cutter = Cutter(document, borders, count=count, room=room, most=max_tokens)
    overlap = Overlap(document, borders, count=count, room=repeated, most=max_tokens)
    chunks: list[Chunk] = []
    fresh = 0
    for end in cutter.ends():
        start = overlap.start(fresh, end)
        text = document[start:end]
        chunk = Chunk(
            index=len(chunks),
            start=start,
            end=end,
            fresh=fresh,
            text=text,
            heading=heading(_first_character(document, fresh, end)),
            tokens=count(text),
        )
        chunks.append(chunk)
        fresh = end
    return tuple(chunks)


def join(chunks: Iterable[Chunk]) -> str:
    """The document that was split: the fresh parts of all its chunks, in order.

    Raises:
        ConfigError: a chunk is missing, or not in its place.
    """
    parts: list[str] = []
    end = 0
    for chunk in chunks:
        if chunk.fresh != end:
            raise ConfigError(
                "chunks",
                chunk.index,
                f"its fresh text starts at {chunk.fresh}, and {end} comes next: "
                f"give all chunks of one document, in order",
            )
        parts.append(chunk.text[chunk.fresh - chunk.start :])
        end = chunk.end
    return "".join(parts)


def _check(max_tokens: int, overlap_tokens: int, kind: str) -> None:
    if max_tokens < 1:
        raise ConfigError("max_tokens", max_tokens, "allow at least 1")
    if not 0 <= overlap_tokens < max_tokens:
        raise ConfigError(
            "overlap_tokens", overlap_tokens, f"give 0 to {max_tokens - 1}"
        )
    kinds = ("auto", *get_args(DocumentKind))
    if kind not in kinds:
        raise ConfigError("kind", kind, f"give one of {', '.join(kinds)}")


def _first_character(document: str, fresh: int, end: int) -> int:
    """The offset of the first character that is no space, or `fresh`."""
    match = _VISIBLE.search(document, fresh, end)
    return match.start() if match else fresh


def _structure(
    document: str, kind: DocumentKind
) -> tuple[Borders, Callable[[int], str]]:
    """The borders, and what says under which headings an offset is."""
    match kind:
        case "markdown":
            markdown = Markdown(document)
            return markdown.borders(), markdown.heading
        case "code":
            return code_borders(document), lambda _: ""
        case "text":
            return text_borders(document), lambda _: ""
