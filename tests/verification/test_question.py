from __future__ import annotations

import pytest

from clubai.verification.question import (
    Form,
    Message,
    Question,
    chat_request,
    prompt_text,
)

ASKED = (
    Message(role="system", content="Be brief."),
    Message(role="user", content="What is it?"),
)


def question(expected: str, form: Form, *choices: str) -> Question:
    return Question(
        id="q",
        template="t",
        messages=ASKED,
        max_tokens=64,
        temperature=None,
        expected=expected,
        form=form,
        choices=choices,
    )


@pytest.mark.parametrize(
    "answer",
    ["1234", "1,234", "It is 1234.", "The answer is **1234**.", "1000 + 234 = 1234"],
)
def test_a_number_counts_in_any_wording(answer: str) -> None:
    asked = question("1234", "number")

    assert asked.judge(answer)
    assert asked.got(answer) == "1234"


@pytest.mark.parametrize(
    "answer", ["", "1235", "12", "I cannot help with that.", "1.5"]
)
def test_another_number_is_wrong(answer: str) -> None:
    assert not question("1234", "number").judge(answer)


def test_of_choices_the_one_that_is_named_counts() -> None:
    asked = question("Dunmore", "choice", "Dunmore", "Westport")

    assert asked.judge("It was **Dunmore**.")
    assert not asked.judge("Westport")
    assert not asked.judge("Either Dunmore, or it may be Westport, who knows?")
    assert asked.got("It was Westport.") == "Westport"
    assert asked.got("I do not know.") == ""


@pytest.mark.parametrize(
    "answer",
    [
        "RED FOX",
        '"RED FOX"',
        'In capitals it is "RED FOX".',
        "Here it is:\nRED FOX",
        "Sure! The result: RED FOX",
        "```\nRED FOX\n```",
        "The answer is RED FOX.",
        "<think>red? RED?</think>RED FOX",
    ],
)
def test_a_stated_text_counts_in_any_wording(answer: str) -> None:
    assert question("RED FOX", "exact").judge(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "red fox",
        "RED FOXES",
        "",
        "One of RED FOX, BLUE FOX, GREY FOX and BROWN FOX.",
        "RED FOX\nBLUE FOX\nGREY FOX",
    ],
)
def test_another_text_is_wrong_and_so_are_all_of_them_at_once(answer: str) -> None:
    assert not question("RED FOX", "exact").judge(answer)


def test_a_request_leaves_out_what_is_left_to_the_node() -> None:
    body = question("1", "number").body()

    assert body == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is it?"},
        ],
        "max_tokens": 64,
    }
    assert (
        chat_request(ASKED, 9, 0.0, seed=7).items()
        >= {
            "temperature": 0.0,
            "seed": 7,
        }.items()
    )


def test_a_prompt_is_shown_with_its_roles() -> None:
    assert prompt_text(ASKED) == "system: Be brief.\n\nuser: What is it?"
