"""Which passages each claim of an answer rests on.

A claim is a sentence. It rests on the passages that the model marked behind it (or
before it, on a line that begins with a mark), as far as they exist; without such a mark
on those of the sentence, of all notes, that is most like it, if that is like enough.
A claim that rests on nothing has no citation.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Final, NamedTuple

from clubai.comparing import similarity as similarity_of_words
from clubai.dividing.context import Passage
from clubai.dividing.marks import marks, strip_marks
from clubai.dividing.reducing import Note
from clubai.model import Value
from clubai.splitting.borders import text_borders

Similarity = Callable[[str, str], float]
"""How alike two texts are, from 0 to 1."""

THRESHOLD: Final = 0.3
"""The least similarity by which a claim rests on a note."""
MOST_CHARACTERS: Final = 1 << 16
"""Of an answer that are looked at."""
MOST_CLAIMS: Final = 256
MOST_MARKS: Final = 1024
MOST_COMPARED: Final = 16_384
"""Pairs of a claim and a sentence that are compared for one answer."""
SENTENCE_CHARACTERS: Final = 512
"""Of a sentence that are compared."""

_BULLETS: Final = " \t*-+\u2022>#0123456789.)"
"""What may stand before a mark at the beginning of a line."""
_ITEM: Final = re.compile(r"^[ \t]*(\d{1,4}[.)])[ \t]+", re.MULTILINE)
"""The number of a list's item, which is no sentence."""


class Citation(Value, frozen=True, kw_only=True):
    """What a claim of an answer rests on."""

    claim: str
    """As it stands in the answer without its marks."""
    passages: tuple[int, ...]
    """Numbers, in order. What follows is of the first of them."""
    document: str
    heading: str
    start: int
    """Offset of the passage in its document."""
    end: int
    """Offset behind it."""


class Claim(NamedTuple):
    """A sentence of an answer, and the numbers of its marks."""

    text: str
    numbers: tuple[int, ...]


def citations(
    answer: str,
    notes: Iterable[Note],
    passages: Iterable[Passage],
    similarity: Similarity = similarity_of_words,
) -> tuple[Citation, ...]:
    """The claims of an answer that rest on passages, in order.

    `notes` are those of the map step, and not those that groups became. Without notes
    claims are compared with the passages themselves.
    """
    known = {passage.number: passage for passage in passages}
    claims = claims_of(answer)
    unmarked = sum(known.keys().isdisjoint(claim.numbers) for claim in claims)
    most = MOST_COMPARED // max(unmarked, 1)
    sources = list(islice(_sources(notes, known.values()), most))
    made: list[Citation] = []
    for claim in claims:
        numbers = [number for number in claim.numbers if number in known]
        if not numbers:
            alike = _most_alike(claim.text, sources, similarity)
            numbers = [number for number in alike if number in known]
        if numbers:
            made.append(_citation(claim.text, numbers, known[numbers[0]]))
    return tuple(made)


def _citation(claim: str, numbers: Sequence[int], first: Passage) -> Citation:
    return Citation(
        claim=claim,
        passages=tuple(numbers),
        document=first.document,
        heading=first.chunk.heading,
        start=first.chunk.start,
        end=first.chunk.end,
    )


def claims_of(answer: str) -> list[Claim]:
    """The sentences of an answer, each with the numbers of its marks."""
    answer = answer[:MOST_CHARACTERS]
    text = strip_marks(answer)
    spans = _sentences(text)[:MOST_CLAIMS]
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    numbers: list[set[int]] = [set() for _ in spans]
    for offset, named, leads in _places(answer, text):
        place = bisect_left(starts, offset) - 1
        if leads:
            after = bisect_right(ends, offset)
            if after < len(spans) and text.find("\n", offset, starts[after]) < 0:
                place = after
        if place >= 0:
            numbers[place].update(named)
    return [
        Claim(text[start:end], tuple(sorted(named)))
        for (start, end), named in zip(spans, numbers, strict=True)
    ]


def _places(answer: str, text: str) -> Iterator[tuple[int, tuple[int, ...], bool]]:
    """Where each mark was in the text without marks; what it names; whether it leads.

    Marks lead on a line that begins with one.
    """
    gone = before = 0
    leads: bool | None = None
    for mark in islice(marks(answer), MOST_MARKS):
        offset = mark.start - gone
        _, line_end, line = text[before:offset].rpartition("\n")
        if line_end or leads is None:
            leads = not line.strip(_BULLETS)
        yield offset, mark.numbers, leads
        gone += mark.end - mark.start
        before = offset


def _sentences(text: str) -> list[tuple[int, int]]:
    """Where sentences, and lines without any, start and end; those with words."""
    borders = text_borders(text)
    numbered = {at for item in _ITEM.finditer(text) for at in (item.end(1), item.end())}
    offsets = [at for at in borders[borders.whole] if at not in numbered]
    spans = []
    for start, end in pairwise([0, *offsets, len(text)]):
        sentence = text[start:end].rstrip()
        if any(character.isalnum() for character in sentence):
            first = end - len(text[start:end].lstrip())
            spans.append((first, start + len(sentence)))
    return spans


def _sources(
    notes: Iterable[Note], passages: Iterable[Passage]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Sentences that claims are compared with, and the passages that they are of."""
    texts = [(strip_marks(note.text), note.passages) for note in notes]
    if not texts:
        texts = [(passage.chunk.text, (passage.number,)) for passage in passages]
    for text, numbers in texts:
        for start, end in _sentences(text):
            yield text[start : min(end, start + SENTENCE_CHARACTERS)], numbers


def _most_alike(
    claim: str,
    sources: Iterable[tuple[str, tuple[int, ...]]],
    similarity: Similarity,
) -> tuple[int, ...]:
    """The passages of the sentence that is most like a claim; the first of several."""
    most = THRESHOLD
    found: tuple[int, ...] = ()
    for sentence, numbers in sources:
        alike = similarity(claim[:SENTENCE_CHARACTERS], sentence)
        if alike > most or (alike == most and not found):
            most, found = alike, numbers
    return found
