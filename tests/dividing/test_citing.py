from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.comparing import similarity
from clubai.dividing.citing import (
    MOST_CHARACTERS,
    MOST_CLAIMS,
    MOST_COMPARED,
    MOST_MARKS,
    THRESHOLD,
    Citation,
    citations,
    claims_of,
)
from clubai.dividing.context import passages
from clubai.dividing.marks import strip_marks
from clubai.dividing.options import Document
from clubai.dividing.reducing import Note

PASSAGES = passages(
    [
        Document(
            name="coast.md",
            text=(
                "# Tower\n\nThe lighthouse at Cape Wren was built in 1871 by Thomas "
                "Alder. It is 34 metres high.\n\n# Harbour\n\nThe ferry leaves from "
                "the southern pier at seven in the morning. A ticket costs four pounds."
            ),
        ),
        Document(name="food.txt", text="The inn has good soup on Mondays."),
    ],
    chunk_tokens=50,
)
NOTES = [
    Note(text="It was built in 1871 by Thomas Alder. It is high.", passages=(1,)),
    Note(text="A ticket for the ferry costs four pounds.", passages=(2, 3)),
]
ODD = st.text(st.sampled_from("[]123-, .\n`aB*(漢。"), max_size=120)


def named(answer: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(claim.text, claim.numbers) for claim in claims_of(answer)]


def unlike(one: str, other: str) -> float:
    return 0.0


def cited(answer: str, notes: Sequence[Note] = ()) -> list[tuple[str, tuple[int, ...]]]:
    return [(c.claim, c.passages) for c in citations(answer, notes, PASSAGES, unlike)]


def test_the_passages_are_as_the_tests_take_them() -> None:
    assert [(p.document, p.chunk.heading) for p in PASSAGES] == [
        ("coast.md", "Tower"),
        ("coast.md", "Harbour"),
        ("food.txt", ""),
    ]


@pytest.mark.parametrize(
    ("answer", "claims"),
    [
        (
            "It is red [1]. It is 5 [2, 3].",
            [("It is red.", (1,)), ("It is 5.", (2, 3))],
        ),
        ("It is red.[1] It is 5. [2][3]", [("It is red.", (1,)), ("It is 5.", (2, 3))]),
        ("[1] It is red. [2] It is 5.", [("It is red.", (1,)), ("It is 5.", (2,))]),
        ("[1] It is red [2]. It is 5.", [("It is red.", (1, 2)), ("It is 5.", ())]),
        ("- [1] Red\n- Blue [2]\n", [("- Red", (1,)), ("- Blue", (2,))]),
        ("1. [3] Red\n2. Blue [2]", [("1. Red", (3,)), ("2. Blue", (2,))]),
        ("Red [1].\n[2] Blue.", [("Red.", (1,)), ("Blue.", (2,))]),
        (
            "Red.\n[1] Blue. [2] Green.",
            [("Red.", ()), ("Blue.", (1,)), ("Green.", (2,))],
        ),
        (" \n  Red [1].", [("Red.", (1,))]),
        ("Red.\n[1]\nBlue.", [("Red.", (1,)), ("Blue.", ())]),
        ("Red. Blue.\n\n[1][2]", [("Red.", ()), ("Blue.", (1, 2))]),
        ("[1]", []),
        ("[1] ...", []),
        ("", []),
    ],
)
def test_claims_have_the_marks_beside_them(
    answer: str, claims: list[tuple[str, tuple[int, ...]]]
) -> None:
    assert named(answer) == claims


def test_a_mark_says_what_a_claim_rests_on() -> None:
    made = citations("It is 34 m high [1]. Soup is [3, 2].", NOTES, PASSAGES, unlike)

    tower, harbour = PASSAGES[0].chunk, PASSAGES[1].chunk
    assert made == (
        Citation(
            claim="It is 34 m high.",
            passages=(1,),
            document="coast.md",
            heading="Tower",
            start=tower.start,
            end=tower.end,
        ),
        Citation(
            claim="Soup is.",
            passages=(2, 3),
            document="coast.md",
            heading="Harbour",
            start=harbour.start,
            end=harbour.end,
        ),
    )


@pytest.mark.parametrize(
    "answer", ["Soup [99].", "Soup [0].", "Soup [9999999999999999].", "Soup [[3]]."]
)
def test_bad_marks_are_ignored(answer: str) -> None:
    assert cited(answer) == []


def test_of_a_mark_what_exists_is_taken() -> None:
    assert cited("Soup [3, 99].") == [("Soup.", (3,))]


def test_a_claim_without_a_mark_rests_on_the_note_that_is_most_like_it() -> None:
    answer = "The ticket costs four pounds [99]. It was built by Alder in 1871. Maybe."

    made = citations(answer, NOTES, PASSAGES)

    assert [(c.claim, c.passages) for c in made] == [
        ("The ticket costs four pounds.", (2, 3)),
        ("It was built by Alder in 1871.", (1,)),
    ]


def test_a_mark_comes_before_likeness() -> None:
    (made,) = citations(f"{NOTES[1].text[:-1]} [1].", NOTES, PASSAGES)

    assert made.passages == (1,)


def test_without_notes_claims_are_compared_with_the_passages() -> None:
    (made,) = citations("On Mondays the inn has soup.", [], PASSAGES)

    assert (made.document, made.passages) == ("food.txt", (3,))


def test_what_is_too_little_alike_is_not_cited() -> None:
    def barely(one: str, other: str) -> float:
        return THRESHOLD if other.startswith("A ticket") else THRESHOLD - 0.01

    def too_little(one: str, other: str) -> float:
        return THRESHOLD - 0.01

    assert [c.passages for c in citations("Soup.", NOTES, PASSAGES, barely)] == [(2, 3)]
    assert citations("Soup.", NOTES, PASSAGES, too_little) == ()


def test_of_several_as_alike_the_first_is_cited() -> None:
    (made,) = citations("Soup.", NOTES, PASSAGES, lambda one, other: 0.9)

    assert made.passages == (1,)


def test_passages_that_are_not_given_are_not_cited() -> None:
    (made,) = citations(NOTES[1].text, NOTES, PASSAGES[2:])

    assert (made.passages, made.document) == ((3,), "food.txt")


@given(ODD, st.lists(ODD.filter(bool), max_size=3))
def test_any_answer_can_be_cited(answer: str, texts: list[str]) -> None:
    notes = [Note(text=text, passages=(2,)) for text in texts]
    shown = strip_marks(answer)
    at = 0
    for citation in citations(answer, notes, PASSAGES):
        at = shown.index(citation.claim, at) + len(citation.claim)
        assert set(citation.passages) <= {1, 2, 3}
        assert citation.document in {"coast.md", "food.txt"}
        assert citation.start < citation.end


def test_work_is_bounded() -> None:
    compared = 0

    def similar(one: str, other: str) -> float:
        nonlocal compared
        compared += 1
        assert len(one) <= 512
        assert len(other) <= 512
        return similarity(one, other)

    notes = [
        Note(text="It came. " * 50 + "x" * 9000 + ".", passages=(number,))
        for number in (1, 2, 3)
    ]
    made = citations(
        "y" * 9000 + ". " + "Soup is good. " * 999, notes, PASSAGES, similar
    )

    assert len(made) <= MOST_CLAIMS
    assert MOST_COMPARED / 2 < compared <= MOST_COMPARED


def test_of_an_answer_no_more_is_read_than_is_of_use() -> None:
    assert len(claims_of("Red. " * 2 * MOST_CLAIMS)) == MOST_CLAIMS
    assert named("a" * 2 * MOST_CHARACTERS) == [("a" * MOST_CHARACTERS, ())]
    assert named("Red" + "[1]" * MOST_MARKS + "[2]") == [("Red", (1,))]


def test_marks_in_notes_are_not_compared() -> None:
    compared: list[str] = []

    def similar(one: str, other: str) -> float:
        compared.append(other)
        return 0.0

    citations("Red.", [Note(text="It is red [2].", passages=(2,))], PASSAGES, similar)

    assert compared == ["It is red."]


def test_hostile_answers_are_read_quickly() -> None:
    for piece in ("[1] ", "[1]\n", "a. ", "A [1]. ", " ", "[", "`", "\n"):
        answer = piece * (1_000_000 // len(piece)) + "[2]"
        citations(answer, NOTES, PASSAGES, unlike)
