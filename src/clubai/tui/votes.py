"""What the nodes of one *consensus* said, next to each other. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final, Literal, NamedTuple

from clubai.client.answer import Answer
from clubai.tui import plain

MOST_WORDS: Final = 800
"""Of a text that are compared; the rest is shown as it is."""
_WORDS: Final = re.compile(r"\s+|\w+|[^\w\s]+")

_REST: Final = "\n(not compared from here on)\n"

Verdict = Literal["agrees", "dissents", "no quorum"]


class Vote(NamedTuple):
    """One node's answer."""

    node: str
    """Its id."""
    name: str
    verdict: Verdict
    text: str


class Piece(NamedTuple):
    """Some words, and whether the answer that is given has others in their place."""

    text: str
    differs: bool


def votes_of(answer: Answer) -> list[Vote]:
    """The nodes' answers: those that agree with the one given, then the others."""
    agreement = answer.agreement
    if agreement is None:
        return []
    given = set(agreement.votes[0]) if agreement.votes else set()
    votes = []
    for part in answer.parts:
        if part.state != "done" or part.kind != "replica" or not part.nodes:
            continue
        node = part.nodes[-1]
        verdict: Verdict = "agrees"
        if not agreement.quorum:
            verdict = "no quorum"
        elif node.id in agreement.dissent or (given and node.id not in given):
            verdict = "dissents"
        name = plain.name(node.name or node.id[:12], 32)
        votes.append(Vote(node.id, name, verdict, part.text))
    return sorted(votes, key=lambda vote: vote.verdict == "dissents")


def compared(answer: str, other: str) -> list[Piece]:
    """`other` in pieces: where its words are not those of `answer`, they differ.

    Spaces and the case of letters are no difference.
    """
    ours, theirs = _words(answer)[:MOST_WORDS], _words(other)
    theirs, rest = theirs[:MOST_WORDS], "".join(theirs[MOST_WORDS:])
    matcher = SequenceMatcher(
        None, [w.lower() for w in ours], [w.lower() for w in theirs], autojunk=False
    )
    pieces: list[Piece] = []
    for what, _, _, start, end in matcher.get_opcodes():
        text = "".join(theirs[start:end])
        if text:
            pieces.append(Piece(text, what != "equal" and bool(text.strip())))
    joined = _joined(pieces)
    return [*joined, Piece(f"{_REST}{rest}", False)] if rest else joined


def marked(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces with signs around what differs, for who sees no colours."""
    shown = []
    for text, differs in pieces:
        if not differs:
            shown.append(Piece(text, False))
            continue
        bare = text.strip()
        before, _, after = text.partition(bare)
        shown += [Piece(before, False), Piece(f"[{bare}]", True), Piece(after, False)]
    return [piece for piece in shown if piece.text]


def _words(text: str) -> list[str]:
    found = _WORDS.findall(plain.text(text))
    return [" " if word.isspace() and "\n" not in word else word for word in found]


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """The same with neighbours of a kind as one, a lone space between two included."""
    joined: list[Piece] = []
    for index, piece in enumerate(pieces):
        between = (
            not piece.text.strip()
            and 0 < index < len(pieces) - 1
            and pieces[index - 1].differs
            and pieces[index + 1].differs
        )
        differs = piece.differs or between
        if joined and joined[-1].differs == differs:
            joined[-1] = Piece(joined[-1].text + piece.text, differs)
        else:
            joined.append(Piece(piece.text, differs))
    return joined
