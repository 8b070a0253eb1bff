from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.dividing.templates import Template, tokens_of, usable, with_place
from clubai.splitting import estimate_tokens

TEXT = st.text(st.sampled_from("aAbé漢 .\n[1]{}😀"), max_size=60)


def user_text(template: str, **values: str) -> str:
    return Template("", template).messages(values)[1]["content"]


def test_places_are_filled() -> None:
    assert user_text("{chunk} of {heading}: {chunk}", chunk="x", heading="H") == (
        "x of H: x"
    )


@pytest.mark.parametrize(
    "template", ["{other}", "{}", "{0}", "{chunk.text}", "{chunk!r}", "{ chunk }", "{{"]
)
def test_other_braces_are_left_alone(template: str) -> None:
    assert user_text(template, chunk="x") == template


def test_a_value_is_never_read_for_places() -> None:
    assert user_text("{chunk} {question}", chunk="{question}", question="{chunk}") == (
        "{question} {chunk}"
    )


def test_the_system_text_is_taken_as_it_is() -> None:
    messages = Template("{chunk}", "u").messages({"chunk": "x"})

    assert messages == [
        {"role": "system", "content": "{chunk}"},
        {"role": "user", "content": "u"},
    ]


def test_an_empty_value_leaves_no_lines_around_the_text() -> None:
    assert user_text("{heading}\n\n  {chunk} {question}", heading="", question="") == (
        "  {chunk}"
    )


def test_a_place_that_is_missing_goes_to_the_end() -> None:
    assert with_place("Read this:", "chunk") == "Read this:\n\n{chunk}"
    assert with_place("{chunk} is it", "chunk") == "{chunk} is it"


def test_a_margin_is_left_of_the_context() -> None:
    assert usable(2048) == 2048 - 64 - 102


@given(
    template=st.lists(
        st.one_of(TEXT, st.sampled_from(["{chunk}", "{heading}", "{question}"]))
    ).map("".join),
    system=TEXT,
    chunk=TEXT,
    heading=TEXT,
    question=TEXT,
    total=st.integers(-50, 400),
)
def test_what_fits_its_room_fits_the_prompt(
    template: str, system: str, chunk: str, heading: str, question: str, total: int
) -> None:
    made = Template(system, with_place(template, "chunk"))
    room = made.room(
        "chunk",
        total=total,
        known={"question": question},
        most={"heading": estimate_tokens(heading)},
        count=estimate_tokens,
    )
    if estimate_tokens(chunk) <= room:
        messages = made.messages(
            {"chunk": chunk, "heading": heading, "question": question}
        )

        assert tokens_of(messages, estimate_tokens) <= total


@pytest.mark.parametrize("chunk", ["a" * 150, "A1" * 60, "a " * 80])
@pytest.mark.parametrize(
    "template", ["aaaaaaa{chunk}" * 9, "aaaaaaa{heading}" * 9 + "{chunk}"]
)
def test_texts_that_run_together_cost_more(template: str, chunk: str) -> None:
    made = Template("", template)
    heading = "a" * 9

    def tokens(length: int) -> int:
        messages = made.messages({"chunk": chunk[:length], "heading": heading})
        return tokens_of(messages, estimate_tokens)

    for length in range(len(chunk)):
        room = made.room(
            "chunk",
            total=tokens(length),
            known={},
            most={"heading": estimate_tokens(heading)},
            count=estimate_tokens,
        )
        assert room <= estimate_tokens(chunk[:length])


def test_room_is_not_wasted() -> None:
    room = Template("Be brief.", "{chunk}\n\nAsked: {question}").room(
        "chunk",
        total=1000,
        known={"question": "why"},
        most={},
        count=estimate_tokens,
    )

    assert 960 <= room < 1000


def test_a_place_that_is_there_twice_has_half_of_the_room() -> None:
    def room(template: str) -> int:
        return Template("", template).room(
            "chunk", total=1000, known={}, most={}, count=estimate_tokens
        )

    assert room("{chunk} {chunk}") == pytest.approx(room("{chunk}") / 2, abs=20)
