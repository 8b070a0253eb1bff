from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.client.modes.question import Question, Split, split_question, text_of

SYSTEM = {"role": "system", "content": "Be short."}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def test_the_question_is_what_the_user_said_last() -> None:
    said = {"role": "assistant", "content": "Yes?"}
    question = Question(messages=(SYSTEM, user("Hello"), said, user("Who?")))

    assert question.text == "Who?"
    assert question.system == "Be short."
    assert question.asking("What?") == (SYSTEM, user("Hello"), said, user("What?"))


def test_without_a_user_a_question_is_added() -> None:
    question = Question(messages=(SYSTEM,))

    assert question.text == ""
    assert question.asking("What?") == (SYSTEM, user("What?"))


def test_a_text_in_parts_is_one() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image_url"}, {"text": "b"}, "c"]

    assert text_of(user(parts)) == "a\nb"
    assert text_of(user(None)) == ""


def test_nobody_reads_it_in_a_log() -> None:
    assert "secret" not in repr(Question(messages=(user("secret"),)))


@pytest.mark.parametrize(
    ("text", "question", "document"),
    [
        (
            "Once upon a time.\n\nThe end.\n\nWho?",
            "Who?",
            "Once upon a time.\n\nThe end.\n\n",
        ),
        ("Sum this up:\n\nOnce.\n\nTwice.", "Sum this up:", "\n\nOnce.\n\nTwice."),
        ("Who is it?\n\nIt is Ann.", "Who is it?", "\n\nIt is Ann."),
        ("Once.\n\nTwice.", "", "Once.\n\nTwice."),
        ("Once upon a time?", "", "Once upon a time?"),
        ("Once.\n\n" + "x" * 500 + "?", "", "Once.\n\n" + "x" * 500 + "?"),
    ],
)
def test_a_question_is_told_apart_from_its_document(
    text: str, question: str, document: str
) -> None:
    assert split_question(text) == Split(question, document)


@given(st.lists(st.sampled_from(["a", "b?", "c:", "\n\n", " ", ""])))
def test_nothing_is_lost_between_them(pieces: list[str]) -> None:
    text = "".join(pieces)
    question, document = split_question(text)

    assert sorted("".join(f"{question} {document}".split())) == sorted(
        "".join(text.split())
    )
