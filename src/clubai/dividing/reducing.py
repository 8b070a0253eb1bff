"""The reduce step of *context*: notes, and how they become one answer, level by level.

A note is what a passage, or a group of notes, had to say. While there are several notes
they are packed into groups, and each group becomes one note by one request; one group
becomes the answer. This ends: a level leaves at most half of the notes, rounded up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from clubai.comparing.normal import said
from clubai.dividing.context import Passage, says_nothing
from clubai.dividing.context_prompts import reduce_template
from clubai.dividing.marks import disarm_marks, keep_marks, marks, strip_marks
from clubai.dividing.options import Dividing
from clubai.dividing.templates import Count, Message
from clubai.errors import PlanError
from clubai.model import Value
from clubai.splitting import estimate_tokens, split

BETWEEN: Final = "\n\n"
BETWEEN_TOKENS: Final = 4
"""What a note costs more among others than alone, by `estimate_tokens`."""
MOST_LABELLED: Final = 2
"""Passages that the label of a note names; a note that rests on more has no label."""
LABEL_TOKENS: Final = 40
"""Of a note's label at most, and of what is between two notes."""
CUT: Final = " [\u2026]"
"""Where something of a note was left out."""
CUT_TOKENS: Final = 10

LEAST_PART_TOKENS: Final = 16
MOST_CHARACTERS_PER_TOKEN: Final = 16


class Note(Value, frozen=True, kw_only=True):
    """What some passages have to say."""

    text: str
    passages: tuple[int, ...]
    """Numbers of those that it rests on, in order."""
    heading: str = ""
    """What stands above its passage, if it has one alone."""
    cut: bool = False
    """Something of it was left out, for lack of room."""


def notes_of(passages: Iterable[Passage], answers: Mapping[int, str]) -> list[Note]:
    """The notes that the map step made: `answers` by the number of the passage.

    Passages without an answer have none, nor have those whose answer says nothing.
    What reads as a mark in an answer is the document's own, and is disarmed.
    """
    return merged(
        Note(
            text=disarm_marks(said(answers[passage.number])).strip(),
            passages=(passage.number,),
            heading=passage.heading,
        )
        for passage in passages
        if passage.number in answers
    )


def reduced_note(answer: str, group: Sequence[Note]) -> Note:
    """The note that a group became: it rests on what it marks, else on all of it."""
    passages = {number for note in group for number in note.passages}
    text = keep_marks(said(answer), passages).strip()
    marked = {number for mark in marks(text) for number in mark.numbers}
    return Note(
        text=text,
        passages=tuple(sorted(marked or passages)),
        cut=any(note.cut for note in group),
    )


def merged(notes: Iterable[Note]) -> list[Note]:
    """Notes in the order of their first passages, those that say nothing left out.

    Notes of the same text, but for marks, capitals, space and a full stop, become one
    that rests on the passages of all.
    """
    alike: dict[str, Note] = {}
    for note in sorted(notes, key=lambda note: note.passages):
        said_of_it = strip_marks(note.text)
        if says_nothing(said_of_it):
            continue
        form = " ".join(said_of_it.casefold().split()).rstrip(".")
        first = alike.setdefault(form, note)
        if first is not note:
            alike[form] = _joined(first, note)
    return list(alike.values())


def _joined(first: Note, other: Note) -> Note:
    return Note(
        text=first.text,
        passages=tuple(sorted({*first.passages, *other.passages})),
        heading=first.heading if first.heading == other.heading else "",
        cut=first.cut or other.cut,
    )


def note_tokens(part_tokens: int) -> int:
    """Tokens of a note in a prompt at least, if its answer may have `part_tokens`.

    Half of the answer is added, as English prose is overestimated by about that much.
    """
    return max(part_tokens, LEAST_PART_TOKENS) * 3 // 2 + LABEL_TOKENS


def fan_in(room: int, part_tokens: int) -> int:
    """How many notes of answers at their longest are in a group.

    Raises:
        PlanError: less than two, so that reducing would not end.
    """
    needed = note_tokens(part_tokens)
    if room < 2 * needed:
        raise PlanError(
            f"{max(room, 0)} tokens are left for notes in a prompt, and two of "
            f"{needed} are needed: ask for shorter answers than {part_tokens} tokens "
            f"of each part, or ask less, or use nodes with more context"
        )
    return room // needed


def groups(
    notes: Sequence[Note],
    *,
    room: int,
    part_tokens: int,
    count: Count = estimate_tokens,
) -> list[list[Note]]:
    """Pack notes, in order, into as few groups as fit `room` tokens each.

    There are no more groups than if all notes were of answers of `part_tokens`: at most
    `len(notes) / fan_in`, rounded up. To keep to that, longer notes are cut at the end
    of a sentence; to keep to `room`, always. A note that was cut says so. A group of
    one note need not be asked about: it is that note.

    Raises:
        PlanError: `room` is too small for two notes.
    """
    most = -(-len(notes) // fan_in(room, part_tokens))
    packed = _packed([shortened(note, room, count) for note in notes], room, count)
    if len(packed) > most:
        limit = note_tokens(part_tokens)
        packed = _packed([shortened(note, limit, count) for note in notes], room, count)
    return packed


def _packed(notes: Iterable[Note], room: int, count: Count) -> list[list[Note]]:
    packed: list[list[Note]] = []
    left = 0
    for note in notes:
        tokens = _tokens(note, count)
        if not packed or tokens > left:
            packed.append([])
            left = room
        packed[-1].append(note)
        left -= tokens
    return packed


def shortened(note: Note, most: int, count: Count = estimate_tokens) -> Note:
    """The note, or what fits `most` tokens of it, cut at the end of a sentence."""
    if _tokens(note, count) <= most:
        return note
    left = most - count(_label(note)) - BETWEEN_TOKENS - CUT_TOKENS
    text = note.text[: most * MOST_CHARACTERS_PER_TOKEN]
    first, *_ = split(text, max_tokens=left, kind="text", count=count)
    return msgspec.structs.replace(note, text=first.text.rstrip() + CUT, cut=True)


def _tokens(note: Note, count: Count) -> int:
    return count(labelled(note)) + BETWEEN_TOKENS


def labelled(note: Note) -> str:
    """The note as it is in a prompt: with the marks of its passages.

    One that has marks in its text needs no others.
    """
    if next(marks(note.text), None) is not None:
        return note.text
    return _label(note) + note.text


def _label(note: Note) -> str:
    if len(note.passages) > MOST_LABELLED:
        return ""
    label = "".join(f"[{number}] " for number in note.passages)
    return f"{label}{note.heading}: " if note.heading else label


def reduce_messages(
    notes: Iterable[Note],
    question: str,
    options: Dividing,
    *,
    final: bool,
    system: str = "",
) -> list[Message]:
    """What a node is asked about a group of notes; `final`: it is the only group."""
    answers = BETWEEN.join(labelled(note) for note in notes)
    return reduce_template(options, system, final=final).messages(
        {"question": question, "answers": answers}
    )
