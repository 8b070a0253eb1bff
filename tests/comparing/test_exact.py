from __future__ import annotations

import pytest

from clubai.comparing.exact import exact_value


@pytest.mark.parametrize(
    "text",
    [
        "a + b\n  c",
        "\n\na + b  \n  c\r\n\n",
        "<think>a - b</think>a + b\n  c",
        "```python\na + b\n  c\n```",
        r"It is \boxed{a + b" + "\n  c}.",
    ],
)
def test_the_form_around_it_does_not_matter(text: str) -> None:
    assert exact_value(text) == "a + b\n  c"


@pytest.mark.parametrize("text", ["A + b\n  c", "a - b\n  c", "a + b\nc", "a + b c"])
def test_every_character_of_it_does(text: str) -> None:
    assert exact_value(text) not in ("a + b\n  c", None)


def test_letters_are_equal_however_they_are_put_together() -> None:
    assert exact_value("e\u0301") == exact_value("\xe9")


def test_a_block_with_words_around_it_is_not_the_answer_alone() -> None:
    text = "```\nx\n```\nThat is all."

    assert exact_value(text) == text


@pytest.mark.parametrize("text", ["", " \n\t\n", "<think>x", "```\n```", r"\boxed{ }"])
def test_what_says_nothing_has_no_value(text: str) -> None:
    assert exact_value(text) is None
