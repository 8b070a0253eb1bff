from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clubai.tui.votes import MOST_WORDS, Piece, compared, marked, votes_of
from support.talking import answer_of, voted


def test_the_votes_say_who_agrees_and_who_does_not() -> None:
    votes = votes_of(voted("Paris", "Lyon", "Paris.", dissent=[1]))

    assert [(vote.name, vote.verdict) for vote in votes] == [
        ("attic", "agrees"),
        ("cellar", "agrees"),
        ("barn", "dissents"),
    ]


def test_without_a_quorum_nobody_dissents() -> None:
    votes = votes_of(voted("Paris", "Lyon", dissent=[1], quorum=False))

    assert {vote.verdict for vote in votes} == {"no quorum"}


def test_an_answer_of_one_node_has_no_votes() -> None:
    assert votes_of(answer_of("Paris")) == []


def test_only_words_that_differ_are_marked() -> None:
    pieces = marked(
        compared("It is the Town of light.", "it is  the old town of dark.")
    )

    assert "".join(piece.text for piece in pieces) == "it is the [old] town of [dark]."
    assert [piece.text for piece in pieces if piece.differs] == ["[old]", "[dark]"]


def test_neighbours_that_differ_are_one_piece() -> None:
    pieces = compared("a b c", "a x y")

    assert pieces == [Piece("a ", False), Piece("x y", True)]


@given(ours=st.text("ab ,\n", max_size=40), theirs=st.text("ab ,", max_size=40))
def test_nothing_is_lost(ours: str, theirs: str) -> None:
    text = "".join(piece.text for piece in compared(ours, theirs))

    assert text.split() == theirs.split()
    assert not any(piece.differs for piece in compared(theirs, theirs))


def test_a_very_long_answer_is_shown_but_not_compared_to_its_end() -> None:
    long = "word " * MOST_WORDS

    pieces = compared("word", long)

    assert "".join(piece.text for piece in pieces).count("word ") == MOST_WORDS
    assert "not compared from here on" in pieces[-1].text
