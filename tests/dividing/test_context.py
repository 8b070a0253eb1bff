from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.dividing.context import (
    HEADING_TOKENS,
    Passage,
    chunk_budget,
    default_answer_tokens,
    default_part_tokens,
    map_messages,
    passages,
    says_nothing,
)
from clubai.dividing.options import LEAST_CHUNK_TOKENS, Dividing, Document, Purpose
from clubai.dividing.templates import tokens_of, usable
from clubai.errors import PlanError
from clubai.splitting import estimate_tokens

TALE = """
the harbour has two piers and a lighthouse whose granite tower was finished after seven
winters by engineers from Wren who counted 34 metres of stone
"""
WORDS = TALE.split()

DOCUMENTS = st.lists(
    st.builds(
        Document,
        text=st.lists(
            st.sampled_from(
                [
                    *WORDS,
                    "# Part\n",
                    "\n\n",
                    "End. ",
                    "\n",
                    " ",
                    "漢字",
                    "{chunk}",
                    "😀",
                ]
            ),
            max_size=120,
        ).map(" ".join),
        name=st.sampled_from(["", "a.md", "b.py", "c" * 256]),
        kind=st.sampled_from(["auto", "text", "markdown", "code"]),
    ),
    max_size=4,
)


def long_text(words: int) -> str:
    """Sentences of 5 to 20 words in paragraphs under headings, always the same."""
    parts: list[str] = []
    seed = 1
    left = 0
    for number in range(words):
        seed = (seed * 1103515245 + 12345) % 2**31
        if left == 0:
            left = 5 + seed % 16
            parts.append(".\n\n" if number % 9 == 0 else ". ")
        if number % 5000 == 0:
            parts.append(f"\n\n# Chapter {number // 5000 + 1}\n\n")
        parts.append(f"{WORDS[seed % len(WORDS)]} ")
        left -= 1
    return "".join(parts)


def fresh_text(made: Sequence[Passage]) -> str:
    chunks = [passage.chunk for passage in made]
    return "".join(chunk.text[chunk.fresh - chunk.start :] for chunk in chunks)


def test_passages_are_numbered_over_all_documents() -> None:
    made = passages(
        [
            Document(text="# One\n\n" + "a word or two. " * 20, name="a.md"),
            Document(text=" \n\n"),
            Document(text="# Two\n\nshort", name="b.md"),
            Document(text="plain"),
        ],
        chunk_tokens=60,
    )

    assert [passage.number for passage in made] == [1, 2, 3, 4, 5]
    assert [passage.document for passage in made] == [
        *["a.md"] * 3,
        "b.md",
        "document 3",
    ]
    assert [passage.heading for passage in made] == [
        *["One (a.md)"] * 3,
        "Two (b.md)",
        "document 3",
    ]


def test_a_lone_document_needs_no_name() -> None:
    (passage,) = passages([Document(text="# One\n\nhere")], chunk_tokens=99)

    assert (passage.document, passage.heading) == ("", "One")


def test_of_a_long_heading_the_end_stands_in_prompts() -> None:
    heading = "The history of the harbour in all of its years " * 4 + "until now"
    documents = [
        Document(text="x", name="a"),
        Document(text="y", name=heading + "\n of it"),
    ]
    made = passages(documents, chunk_tokens=99)

    assert made[1].document == heading + "\n of it"
    assert made[1].heading.startswith("…")
    assert made[1].heading.endswith("of its years until now of it")
    assert HEADING_TOKENS - 3 <= estimate_tokens(made[1].heading) <= HEADING_TOKENS


def test_of_a_heading_in_another_script_as_much_stands_in_prompts_as_fits() -> None:
    documents = [
        Document(text="x", name="of the harbour " * 17),
        Document(text="y", name="of the harbour " * 9 + "港" * 99),
    ]
    made = passages(documents, chunk_tokens=99)

    for passage in made:
        assert HEADING_TOKENS - 4 < estimate_tokens(passage.heading) <= HEADING_TOKENS
    assert set(made[1].heading) == {"…", "港"}


def test_the_name_says_what_kind_a_document_is() -> None:
    def heading(document: Document) -> str:
        (passage,) = passages([document], chunk_tokens=99)
        return passage.heading

    text = "# Ships\n\nThey came, and left again."

    assert heading(Document(text=text)) == "Ships"
    assert heading(Document(text=text, name="a.py")) == ""
    assert heading(Document(text=text, name="a.py", kind="markdown")) == "Ships"


@given(DOCUMENTS, st.integers(32, 90), st.integers(0, 200))
def test_all_that_documents_say_is_in_a_passage(
    documents: list[Document], chunk_tokens: int, overlap_tokens: int
) -> None:
    made = passages(documents, chunk_tokens=chunk_tokens, overlap_tokens=overlap_tokens)

    said = "".join(document.text for document in documents)
    assert "".join(fresh_text(made).split()) == "".join(said.split())
    assert [passage.number for passage in made] == list(range(1, len(made) + 1))
    for passage in made:
        assert passage.chunk.text.strip()
        assert passage.chunk.tokens <= chunk_tokens
        assert estimate_tokens(passage.heading) <= HEADING_TOKENS


def test_a_chunk_of_nothing_but_space_is_no_passage() -> None:
    text = "One." + "\n" * 300 + "Two."
    made = passages([Document(text=text)], chunk_tokens=40)

    assert "".join(passage.chunk.text for passage in made).split() == ["One.", "Two."]
    assert len(made) == 2
    assert made[1].chunk.index > 1
    assert made[1].number == 2


def test_a_chunk_repeats_what_was_before_it() -> None:
    text = "One is here. Two is here. Three is here. " * 12
    made = passages([Document(text=text)], chunk_tokens=60, overlap_tokens=20)

    assert all(p.chunk.start < p.chunk.fresh for p in made[1:])


@given(
    documents=DOCUMENTS,
    context=st.integers(300, 1000),
    question=st.text(st.sampled_from("why {chunk}{heading}\n"), max_size=80),
    system=st.sampled_from(["", "Answer in Greek, as a pirate would."]),
    purpose=st.sampled_from(["answer", "summarise"]),
    map_prompt=st.sampled_from(
        ["", "{chunk}", "{heading}{chunk}{chunk}{heading}", "{question}?", "{answers}"]
    ),
)
def test_no_prompt_and_its_answer_exceed_the_context(
    documents: list[Document],
    context: int,
    question: str,
    system: str,
    purpose: Purpose,
    map_prompt: str,
) -> None:
    options = Dividing(purpose=purpose, map_prompt=map_prompt)
    try:
        budget = chunk_budget(
            context, question=question, system=system, options=options, part_tokens=48
        )
    except PlanError:
        return

    for passage in passages(documents, chunk_tokens=budget):
        messages = map_messages(passage, question, options, system=system)
        assert tokens_of(messages, estimate_tokens) + 48 <= usable(context)


def test_a_book_is_cut_and_asked_about_in_a_few_seconds() -> None:
    text = long_text(200_000)
    options = Dividing()
    question = "How high is the tower?"
    budget = chunk_budget(2048, question=question, options=options, part_tokens=204)
    made = passages([Document(text=text)], chunk_tokens=budget)

    assert fresh_text(made) == text
    assert made[-1].heading == "Chapter 40"
    most = 0
    for passage in made:
        messages = map_messages(passage, question, options)
        most = max(most, tokens_of(messages, estimate_tokens))
    assert 0.9 * (usable(2048) - 204) < most <= usable(2048) - 204


def test_headings_are_part_of_the_budget() -> None:
    options = Dividing(map_prompt="{heading}\n{heading}\n{heading}\n{heading}\n{chunk}")
    heading = "The history of the harbour of Wren, and of its many piers and towers"
    text = f"# {heading}\n\n" + "word " * 2000
    budget = chunk_budget(1024, question="", options=options, part_tokens=100)

    for passage in passages([Document(text=text)], chunk_tokens=budget):
        assert estimate_tokens(passage.heading) > HEADING_TOKENS - 4
        messages = map_messages(passage, "", options)
        assert tokens_of(messages, estimate_tokens) <= usable(1024) - 100


def test_a_budget_uses_what_the_context_has() -> None:
    budget = chunk_budget(
        2048, question="When was it?", options=Dividing(), part_tokens=204
    )

    assert 2048 - 204 - 64 - 102 - 200 < budget < 2048 - 204 - 64 - 102


def test_a_budget_is_not_above_what_the_options_allow() -> None:
    options = Dividing(chunk_tokens=100)

    assert chunk_budget(2048, question="", options=options, part_tokens=48) == 100


def test_a_question_that_leaves_no_room_is_refused_with_its_numbers() -> None:
    with pytest.raises(PlanError) as raised:
        chunk_budget(512, question="why " * 400, options=Dividing(), part_tokens=51)

    assert raised.value.reason == (
        "a context of 512 tokens leaves 0 for a chunk, and it needs 32: the question "
        f"has {estimate_tokens('why ' * 400)}, the answer of a part 51, the margin 89"
    )


def test_the_least_context_leaves_room_for_the_least_chunk() -> None:
    def budget(context: int) -> int:
        return chunk_budget(context, question="", options=Dividing(), part_tokens=48)

    least = LEAST_CHUNK_TOKENS
    context = next(context for context in range(512) if _fits(context, budget))

    assert budget(context) in (least, least + 1)
    with pytest.raises(PlanError, match=f"leaves {least - 1} for a chunk"):
        budget(context - 1)


def _fits(context: int, budget: Callable[[int], int]) -> bool:
    try:
        return budget(context) > 0
    except PlanError:
        return False


def test_chunks_that_are_too_small_are_refused() -> None:
    options = Dividing(chunk_tokens=LEAST_CHUNK_TOKENS - 1)

    with pytest.raises(PlanError, match="chunk_tokens is 31: at least 32"):
        chunk_budget(2048, question="", options=options, part_tokens=48)


@pytest.mark.parametrize(
    ("context", "part", "answer"),
    [(0, 48, 48), (2048, 204, 204), (8192, 512, 819), (131_072, 512, 2048)],
)
def test_answers_are_as_long_as_the_context_allows(
    context: int, part: int, answer: int
) -> None:
    assert default_part_tokens(context) == part
    assert default_answer_tokens(context) == answer


def test_a_passage_is_asked_about_below_its_heading() -> None:
    (passage,) = passages(
        [Document(text="# Ships\n\nThe {question}.")], chunk_tokens=99
    )

    assert map_messages(passage, "Who came?", Dividing()) == [
        {"role": "system", "content": "Answer in a few short sentences."},
        {
            "role": "user",
            "content": (
                "Ships\n\n# Ships\n\nThe {question}.\n\nUsing only the text above, "
                "quote what it says about this, or answer NONE if it says nothing of "
                "it: Who came?"
            ),
        },
    ]


def test_a_prompt_of_the_options_is_filled() -> None:
    (passage,) = passages([Document(text="# Ships\n\nRed")], chunk_tokens=99)
    options = Dividing(map_prompt='{heading}: {"q": "{question}"} {x} {chunk}')

    messages = map_messages(passage, "{chunk}", options, system="Be brief.")

    assert messages[0]["content"] == "Be brief."
    assert messages[1]["content"] == 'Ships: {"q": "{chunk}"} {x} # Ships\n\nRed'


@pytest.mark.parametrize(
    "answer",
    [
        "NONE",
        " none.",
        "**None**",
        "NONE. The passage is about ships.",
        "NONE\n\nThe text is about ships",
        "NONE - it is about ships",
        "Answer: NONE",
        "N/A",
        "",
        " \n",
        "...",
        "<think>Is it there? No.</think>NONE",
        "The text does not mention the price of a ticket.",
        "This passage says nothing about it.",
        "The provided text doesn't say when it was built.",
    ],
)
def test_nothing_is_heard(answer: str) -> None:
    assert says_nothing(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "None of the ships came back.",
        "None, but for the red one.",
        "NONE of them",
        "Nonesuch",
        "0",
        "No.",
        "漢字",
        "The text does not say when, but it was after 1871.",
        "The text does not only mention ships.",
        "The text says it cost 5.",
        "The text does not mention it " + "and more " * 20,
    ],
)
def test_something_is_heard(answer: str) -> None:
    assert not says_nothing(answer)


@given(st.text())
def test_any_answer_can_be_heard(answer: str) -> None:
    assert says_nothing(f"NONE. {answer}")
    says_nothing(answer)


def test_long_answers_are_heard_quickly() -> None:
    for piece in (" ", "*", "none ", "NONE", "<think>", "the text "):
        says_nothing(piece * (300_000 // len(piece)))
