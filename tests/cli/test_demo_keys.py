from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clubai.cli.demo_keys import LONGEST_QUESTION, Action, Ask, Keys, Quit, Sample


def pressed(keys: Keys, *chunks: bytes) -> list[Action]:
    return [action for chunk in chunks for action in keys.press(chunk)]


def test_keys_are_commands() -> None:
    assert pressed(Keys(), b"x", b" ", b"q") == [Sample(), Quit()]


def test_a_question_may_hold_the_letters_of_commands() -> None:
    keys = Keys()

    assert pressed(keys, b"a", b"a quick q?", b"\r") == [Ask("a quick q?")]
    assert keys.typed is None


def test_a_letter_in_two_chunks_is_one_letter() -> None:
    keys = Keys()

    assert pressed(keys, b"a", b"\xc3", b"\xbc", b"\n") == [Ask("ü")]


def test_backspace_takes_the_last_letter() -> None:
    keys = Keys()
    pressed(keys, b"a", b"ab\x7fc")

    assert keys.typed == "ac"


def test_escape_gives_up_a_question() -> None:
    keys = Keys()

    assert pressed(keys, b"a", b"abc", b"\x1b", b"q") == [Quit()]


def test_a_key_right_after_escape_counts() -> None:
    keys = Keys()

    assert pressed(keys, b"a", b"abc", b"\x1bq") == [Quit()]


def test_arrows_mean_nothing() -> None:
    keys = Keys()
    pressed(keys, b"a", b"ab", b"\x1b[A", b"\x1b[D")

    assert keys.typed == "ab"


def test_an_empty_question_is_not_asked() -> None:
    assert pressed(Keys(), b"a", b"  ", b"\r") == []


@given(st.lists(st.binary(max_size=20)))
def test_anything_may_be_pressed(chunks: list[bytes]) -> None:
    keys = Keys()

    for action in pressed(keys, *chunks, b"a" * 2000):
        if isinstance(action, Ask):
            assert action.question.strip()
            assert action.question.isprintable()
    assert len(keys.typed or "") <= LONGEST_QUESTION
