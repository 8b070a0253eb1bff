from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.crypto.tokens import OpaqueToken, new_token, next_token, read_token


def test_a_token_is_read_as_it_was_made() -> None:
    token = new_token("crt", id_length=22)

    assert read_token(token.text, "crt") == token
    prefix, id_, secret, check = token.text.split("_")
    assert (prefix, id_) == ("crt", token.id)
    assert (len(id_), len(secret), len(check)) == (22, 43, 6)
    assert token.digest == hashlib.sha256(token.text.encode()).digest()


def test_no_two_are_the_same_and_a_successor_keeps_the_id() -> None:
    first, other = new_token("crt", id_length=8), new_token("crt", id_length=8)
    second = next_token(first)

    assert second.id == first.id != other.id
    assert second.text.split("_")[2] != first.text.split("_")[2]
    assert read_token(second.text, "crt") == second


def test_a_token_of_another_kind_is_none() -> None:
    assert read_token(new_token("civ", id_length=8).text, "crt") is None


@given(place=st.integers(0, 60), letter=st.sampled_from("aZ0_-é "))
def test_a_changed_token_is_none(place: int, letter: str) -> None:
    text = "crt_abcdefgh_" + "x" * 43
    good = next_token(OpaqueToken(text, "abcdefgh")).text
    changed = good[:place] + letter + good[place + 1 :]

    assert (read_token(changed, "crt") is None) == (changed != good)


@pytest.mark.parametrize("junk", ["", "crt_", "cak_a_b_c", "crt_" + "x" * 5000])
def test_junk_is_none(junk: str) -> None:
    assert read_token(junk, "crt") is None


def test_repr_hides_the_token() -> None:
    token = new_token("crt", id_length=22)

    assert token.id not in repr(token)
    assert token.text[30:40] not in repr(token)
