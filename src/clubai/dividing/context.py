"""The map step of *context*: documents as passages, and what is asked about each."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from clubai.comparing import normalise
from clubai.dividing.context_prompts import NOTHING, map_template
from clubai.dividing.options import LEAST_CHUNK_TOKENS, Dividing, Document
from clubai.dividing.templates import Count, Message, usable
from clubai.errors import PlanError
from clubai.model import Value
from clubai.splitting import Chunk, estimate_tokens, kind_of, split

HEADING_TOKENS: Final = 24
"""Of a heading in a prompt at most; of a longer one its end is given."""
LEAST_ANSWER_TOKENS: Final = 48
MOST_ANSWER_TOKENS: Final = 2048
MOST_PART_TOKENS: Final = 512
ANSWER_SHARE: Final = 10
"""By default an answer has one in 10 of the context, within these limits."""

MOST_DENIAL_WORDS: Final = 25
_DENIED: Final = re.compile(
    rf"[\s*_\"'`]*{NOTHING}[\s*_\"'`]*(?:[.:;!\n\u2014]|\s-|\Z)"
)
"""In capitals, as it was asked for, and whatever may follow."""
_NOTHING_WORDS: Final = frozenset(
    {"", "none", "answer none", "the answer is none", "n a", "not mentioned"}
)
_DENIAL: Final = re.compile(
    r"(?:the|this) (?:given |provided )?(?:text|passage|document|excerpt|context) "
    r"(?:says nothing|(?:does not|doesn t) (?:say|mention|state|contain|provide))\b"
)
_RESERVE: Final = re.compile(r"\b(?:but|however|although|though|only|except)\b")


class Passage(Value, frozen=True, kw_only=True):
    """A chunk of one of the documents."""

    number: int
    """From 1, over all documents."""
    document: str
    """The document's name; a lone one may have none."""
    heading: str
    """What stands above it in a prompt, not too long: headings, and which document."""
    chunk: Chunk


def passages(
    documents: Iterable[Document],
    *,
    chunk_tokens: int,
    overlap_tokens: int = 0,
    count: Count = estimate_tokens,
) -> tuple[Passage, ...]:
    """Cut documents into passages, in order.

    Each character of each document is in one, but for chunks of nothing but space.
    """
    documents = [document for document in documents if document.text.strip()]
    several = len(documents) > 1
    made: list[Passage] = []
    for place, document in enumerate(documents, 1):
        name = document.name or (f"document {place}" if several else "")
        for chunk in _chunks(document, chunk_tokens, overlap_tokens, count):
            heading = chunk.heading
            if several:
                heading = f"{heading} ({name})" if heading else name
            passage = Passage(
                number=len(made) + 1,
                document=name,
                heading=_end_of(heading, count),
                chunk=chunk,
            )
            made.append(passage)
    return tuple(made)


def _chunks(
    document: Document, chunk_tokens: int, overlap_tokens: int, count: Count
) -> list[Chunk]:
    kind = document.kind
    if kind == "auto":
        kind = kind_of(document.name, document.text)
    chunks = split(
        document.text,
        max_tokens=chunk_tokens,
        overlap_tokens=min(overlap_tokens, chunk_tokens // 2),
        kind=kind,
        count=count,
    )
    return [chunk for chunk in chunks if chunk.text.strip()]


def _end_of(heading: str, count: Count) -> str:
    """As much of a heading's end as may stand in a prompt, on one line."""
    heading = " ".join(heading.split())
    if count(heading) <= HEADING_TOKENS:
        return heading

    def tokens(length: int) -> int:
        return count(f"\u2026{heading[-length:]}")

    longest = bisect_right(range(1, len(heading)), HEADING_TOKENS, key=tokens)
    return f"\u2026{heading[-longest:]}" if longest else ""


def default_answer_tokens(context: int) -> int:
    """Tokens of an answer where nobody said how long it may be."""
    return min(max(context // ANSWER_SHARE, LEAST_ANSWER_TOKENS), MOST_ANSWER_TOKENS)


def default_part_tokens(context: int) -> int:
    """Tokens of the answer of one part, where nobody said how long it may be."""
    return min(default_answer_tokens(context), MOST_PART_TOKENS)


def chunk_budget(
    context: int,
    *,
    question: str,
    options: Dividing,
    part_tokens: int,
    system: str = "",
    count: Count = estimate_tokens,
) -> int:
    """Tokens that a chunk may have, so that prompt, chunk and answer fit the context.

    A margin of 64 tokens and 5 % of the context is left for the chat template and for
    estimates that are too low. `options.chunk_tokens` lowers what comes out.

    Raises:
        PlanError: that is less than `LEAST_CHUNK_TOKENS`.
    """
    room = map_template(options, system).room(
        "chunk",
        total=usable(context) - part_tokens,
        known={"question": question},
        most={"heading": HEADING_TOKENS},
        count=count,
    )
    if room < LEAST_CHUNK_TOKENS:
        raise PlanError(
            f"a context of {context} tokens leaves {max(room, 0)} for a chunk, and it "
            f"needs {LEAST_CHUNK_TOKENS}: the question has {count(question)}, the "
            f"answer of a part {part_tokens}, the margin {context - usable(context)}"
        )
    if 0 < options.chunk_tokens < LEAST_CHUNK_TOKENS:
        raise PlanError(
            f"chunk_tokens is {options.chunk_tokens}: at least {LEAST_CHUNK_TOKENS}"
        )
    return min(room, options.chunk_tokens or room)


def map_messages(
    passage: Passage, question: str, options: Dividing, *, system: str = ""
) -> list[Message]:
    """What a node is asked about one passage.

    `system` is the system text of whoever asks, in place of the one built in.
    """
    return map_template(options, system).messages(
        {
            "question": question,
            "heading": passage.heading,
            "chunk": passage.chunk.text,
        }
    )


def says_nothing(answer: str) -> bool:
    """Whether an answer only says that the passage says nothing about the question."""
    if _DENIED.match(answer):
        return True
    words = normalise(answer)
    if words in _NOTHING_WORDS:
        return True
    return (
        words.count(" ") < MOST_DENIAL_WORDS
        and _DENIAL.match(words) is not None
        and _RESERVE.search(words) is None
    )
