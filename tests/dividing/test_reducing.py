from __future__ import annotations

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from clubai.dividing.context import passages
from clubai.dividing.options import Dividing, Document
from clubai.dividing.reducing import (
    BETWEEN,
    BETWEEN_TOKENS,
    CUT,
    LABEL_TOKENS,
    Note,
    fan_in,
    groups,
    labelled,
    merged,
    note_tokens,
    notes_of,
    reduce_messages,
    reduced_note,
    shortened,
)
from clubai.errors import PlanError
from clubai.splitting import estimate_tokens

TEXTS = st.lists(
    st.sampled_from(
        [
            "It is 5.",
            "Red or not",
            "[3]",
            "[1, 4]",
            "漢字。",
            "\n",
            "x" * 40,
            "Red. " * 30,
        ]
    ),
    min_size=1,
).map(" ".join)
NOTES = st.lists(
    st.builds(
        Note,
        text=TEXTS.filter(str.strip),
        passages=st.sets(st.integers(1, 1000), min_size=1, max_size=4).map(
            lambda numbers: tuple(sorted(numbers))
        ),
        heading=st.sampled_from(["", "Part > Chapter", "{answers}"]),
    ),
    max_size=30,
)
PASSAGES = passages(
    [Document(text="# Ships\n\n" + "They came, and they left again. " * 30)],
    chunk_tokens=50,
)


def note(text: str, *numbers: int, heading: str = "") -> Note:
    return Note(text=text, passages=numbers or (1,), heading=heading)


def numbered(count: int, text: str = "It was built in 1871.") -> list[Note]:
    return [note(text, number) for number in range(1, count + 1)]


def test_answers_become_notes_in_the_order_of_their_passages() -> None:
    notes = notes_of(PASSAGES, {3: "Three. ", 1: "One.", 2: "NONE"})

    assert notes == [
        note("One.", 1, heading="Ships"),
        note("Three.", 3, heading="Ships"),
    ]


@given(st.data())
def test_the_order_in_which_answers_arrive_does_not_matter(data: st.DataObject) -> None:
    texts = st.sampled_from(["One.", "one", "Two. [1]", "NONE", ""])
    answers = data.draw(st.dictionaries(st.integers(1, len(PASSAGES)), texts))
    shuffled = dict(data.draw(st.permutations(list(answers.items()))))

    assert notes_of(PASSAGES, shuffled) == notes_of(PASSAGES, answers)


@given(st.data())
def test_merging_takes_any_order_of_notes(data: st.DataObject) -> None:
    notes = data.draw(st.lists(st.sampled_from(numbered(3, "a") + numbered(3, "b"))))
    distinct = list({each.passages: each for each in notes}.values())
    shuffled = data.draw(st.permutations(distinct))

    assert merged(shuffled) == merged(distinct)


def test_reasoning_and_marks_of_the_document_are_not_in_a_note() -> None:
    (made,) = notes_of(PASSAGES, {2: "<think>[1]?</think> As shown [1]."})

    assert made.text == "As shown (1)."


def test_the_same_said_twice_is_one_note() -> None:
    notes = [
        note("Red.", 7, heading="B"),
        note("It is  5 [2].", 2, heading="A"),
        note("it is 5", 9, heading="A"),
        note("red", 1, heading="A"),
    ]

    assert merged(notes) == [
        note("red", 1, 7),
        note("It is  5 [2].", 2, 9, heading="A"),
    ]


@pytest.mark.parametrize(
    ("one", "other"), [("It is 5.", "It is -5."), ("C", "C++"), ("a < b", "a > b")]
)
def test_what_differs_by_a_sign_is_not_the_same(one: str, other: str) -> None:
    assert len(merged([note(one, 1), note(other, 2)])) == 2


def test_a_note_that_says_nothing_is_left_out() -> None:
    assert merged([note("[1] NONE"), note(" ", 2), note("5", 3)]) == [note("5", 3)]


def test_merging_remembers_what_was_cut() -> None:
    cut = Note(text="a", passages=(2,), cut=True)

    assert merged([note("a", 1), cut])[0].cut


def test_a_group_becomes_a_note_on_what_it_marks() -> None:
    group = [note("a", 1, 8), note("b", 2), note("c", 3)]
    made = reduced_note("<think>5</think>It is a [8, 9]. And b [2]. But [7].", group)

    assert made == note("It is a [8]. And b [2]. But.", 2, 8)


def test_a_group_without_marks_becomes_a_note_on_all_of_it() -> None:
    group = [note("a", 1, 8), Note(text="b", passages=(2,), cut=True)]

    assert reduced_note("a and b [4]", group) == Note(
        text="a and b", passages=(1, 2, 8), cut=True
    )


@pytest.mark.parametrize(
    ("shown", "of"),
    [
        ("[3] A > B: It is 5.", note("It is 5.", 3, heading="A > B")),
        ("[3] [4] It is 5.", note("It is 5.", 3, 4)),
        ("It is 5.", note("It is 5.", 3, 4, 5)),
        ("It is 5 [4].", note("It is 5 [4].", 3, 4)),
    ],
)
def test_notes_are_labelled_with_their_passages(shown: str, of: Note) -> None:
    assert labelled(of) == shown


@given(
    st.sets(st.integers(1, 1000), min_size=1),
    st.text(st.sampled_from("a漢 >😀A1"), max_size=40),
)
def test_no_label_is_too_long(numbers: set[int], heading: str) -> None:
    if estimate_tokens(heading) <= 24:
        labelled_text = labelled(note("", *sorted(numbers), heading=heading))

        assert estimate_tokens(labelled_text) + BETWEEN_TOKENS <= LABEL_TOKENS


@given(st.text(max_size=50), st.text(max_size=50))
def test_notes_cost_no_more_together(one: str, other: str) -> None:
    together = estimate_tokens(one + BETWEEN + other)

    assert together <= estimate_tokens(one) + estimate_tokens(other) + BETWEEN_TOKENS


def test_few_notes_are_one_group() -> None:
    notes = numbered(5)

    assert groups(notes, room=1000, part_tokens=48) == [notes]


def test_no_notes_are_no_groups() -> None:
    assert groups([], room=1000, part_tokens=48) == []


def test_groups_are_as_few_as_fit() -> None:
    notes = numbered(30)
    packed = groups(notes, room=300, part_tokens=48)

    assert [each for group in packed for each in group] == notes
    first = "".join(labelled(each) + BETWEEN for each in packed[0])
    assert 250 < estimate_tokens(first) <= 300


def test_a_note_that_is_longer_than_room_is_cut_at_a_sentence() -> None:
    (group,) = groups(
        [note("They came, and left again. " * 60, 7)], room=250, part_tokens=48
    )

    assert group[0].cut
    assert group[0].passages == (7,)
    assert group[0].text.endswith("They came, and left again." + CUT)
    assert 200 < estimate_tokens(group[0].text) <= 250


def test_long_notes_are_kept_while_they_are_few_enough() -> None:
    long, short = "They came, and left again. " * 20, "They came."
    room = 3 * note_tokens(48)
    notes = [note(long, 1), note(short, 2), note(short, 3)]

    assert estimate_tokens(long) > note_tokens(48)
    assert groups(notes, room=room, part_tokens=48) == [notes]


def test_long_notes_are_cut_when_they_would_be_too_many_groups() -> None:
    long = "They came, and left again. " * 20
    (group,) = groups(
        [note(long, number) for number in (1, 2, 3)],
        room=3 * note_tokens(48),
        part_tokens=48,
    )

    assert [each.cut for each in group] == [True] * 3
    assert all(estimate_tokens(each.text) <= note_tokens(48) for each in group)


def test_room_for_less_than_two_notes_is_refused() -> None:
    assert fan_in(2 * note_tokens(100), 100) == 2
    with pytest.raises(PlanError, match="379 tokens are left for notes"):
        fan_in(2 * note_tokens(100) - 1, 100)
    with pytest.raises(PlanError, match=r"0 tokens are left .* two of 190 are needed"):
        groups(numbered(2), room=-5, part_tokens=100)


@given(NOTES, st.integers(0, 300), st.integers(1, 60))
def test_a_level_leaves_at_most_half(
    notes: list[Note], more: int, part_tokens: int
) -> None:
    room = 2 * note_tokens(part_tokens) + more
    packed = groups(notes, room=room, part_tokens=part_tokens)

    assert len(packed) <= -(-len(notes) // fan_in(room, part_tokens))
    assert len(packed) <= -(-len(notes) // 2)
    assert [each.passages for group in packed for each in group] == [
        each.passages for each in notes
    ]
    event(f"cut: {any(each.cut for group in packed for each in group)}")
    for group in packed:
        assert group
        together = BETWEEN.join(labelled(each) for each in group)
        assert estimate_tokens(together) <= room


@given(NOTES.filter(bool), st.integers(note_tokens(1), 200))
def test_a_note_is_cut_to_any_size_that_a_note_may_have(
    notes: list[Note], most: int
) -> None:
    for whole in notes:
        short = shortened(whole, most)

        assert estimate_tokens(labelled(short)) + BETWEEN_TOKENS <= most
        assert short.cut == (short.text != whole.text)
        assert whole.text.startswith(short.text.removesuffix(CUT))


@pytest.mark.parametrize("piece", ["word ", "x", " ", "[1] ", "漢"])
def test_of_a_hostile_answer_little_is_looked_at(piece: str) -> None:
    text = "a" + piece * (1_000_000 // len(piece)) + "."
    counted = 0

    def count(counted_text: str) -> int:
        nonlocal counted
        counted += len(counted_text)
        return estimate_tokens(counted_text)

    (group,) = groups([note(text)], room=500, part_tokens=48, count=count)

    assert group[0].cut
    assert counted < 1.5 * len(text)


def test_a_group_is_asked_for_the_answer() -> None:
    notes = [note("It is 5.", 3, heading="Ships"), note("Red [4].", 4, 5)]
    messages = reduce_messages(notes, "{answers}?", Dividing(cite=True), final=True)

    assert messages == [
        {"role": "system", "content": "Answer in a few short sentences."},
        {
            "role": "user",
            "content": (
                "Answer the question from these notes alone. Keep the marks in "
                "brackets, such as [2], behind what you take from a note.\n\n"
                "[3] Ships: It is 5.\n\nRed [4].\n\nQuestion: {answers}?"
            ),
        },
    ]


def test_a_group_of_many_is_asked_for_a_note() -> None:
    (_, user) = reduce_messages(numbered(2), "why?", Dividing(), final=False)

    assert user["content"].startswith("Put together what these notes say")


def test_a_prompt_of_the_options_has_the_notes() -> None:
    options = Dividing(reduce_prompt='{"{question}"} {chunk}: {answers}')
    messages = reduce_messages(
        numbered(1, "{question}"), "why?", options, final=True, system="Be brief."
    )

    assert messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": '{"why?"} {chunk}: [1] {question}'},
    ]
