from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from clubai.model import Usage
from clubai.tui import plain

ANY_TEXT = st.text(st.characters(codec=None))


@given(ANY_TEXT, st.integers(1, 80))
def test_a_name_is_one_short_line_that_can_be_seen(text: str, limit: int) -> None:
    shown = plain.name(text, limit)

    assert len(shown) <= limit
    assert all(c.isprintable() or c.isspace() for c in shown)
    assert "\n" not in shown
    assert "\x1b" not in shown


def test_a_usual_name_stays_as_it_is() -> None:
    assert plain.name("Grüße [bold]node-1[/]") == "Grüße [bold]node-1[/]"


def test_an_escape_in_a_name_is_shown_as_unknown() -> None:
    assert plain.name("a\x1b]0;owned\x07\u202eb") == "a?]0;owned??b"


def test_a_text_keeps_its_lines_and_loses_what_a_terminal_obeys() -> None:
    assert plain.text("one\r\n\ttwo\x1b[2J\x9b1m\u202e") == "one\n\ttwo[2J1m"


def test_a_text_keeps_its_joined_emoji() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"

    assert plain.text(family) == family


@given(ANY_TEXT)
def test_json_is_the_same_value_on_one_line_without_control_characters(
    text: str,
) -> None:
    line = plain.to_json({"text": text})

    assert json.loads(line) == {"text": text}
    assert not any(c in line for c in "\n\r\x1b\x7f\x9b\u2028\u202e")
    line.encode()


def test_json_takes_structs() -> None:
    assert json.loads(plain.to_json({"usage": Usage(prompt_tokens=3)})) == {
        "usage": {"prompt_tokens": 3, "completion_tokens": 0}
    }
