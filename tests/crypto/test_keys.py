from __future__ import annotations

import hashlib
import hmac
import string

from hypothesis import given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from clubai.crypto.keys import (
    GATEWAY_KEY_LENGTH,
    JWT_LABEL,
    PEPPER_LABEL,
    ApiKey,
    derive,
    hash_secret,
    new_api_key,
    new_gateway_key,
    parse_api_key,
    random_bytes,
)

BASE62 = string.ascii_letters + string.digits


def test_new_key_has_the_documented_shape() -> None:
    key = new_api_key()

    mark, key_id, secret, check = key.text.split("_")
    assert (mark, key_id, secret) == ("cak", key.id, key.secret)
    assert [len(key_id), len(secret), len(check)] == [8, 43, 6]
    assert set(key_id + secret + check) <= set(BASE62)


def test_a_gateways_key_is_no_key_of_the_club() -> None:
    keys = {new_gateway_key() for _ in range(50)}

    assert len(keys) == 50
    for key in keys:
        mark, secret, check = key.split("_")
        assert mark == "cgk"
        assert [len(secret), len(check)] == [43, 6]
        assert set(secret + check) <= set(BASE62)
        assert len(key) == GATEWAY_KEY_LENGTH
        assert parse_api_key(key) is None


def test_new_key_parses() -> None:
    for _ in range(50):
        key = new_api_key()
        assert parse_api_key(key.text) == (key.id, key.secret)


def test_known_key_parses() -> None:
    text = f"cak_{'a' * 8}_{'b' * 43}_44j4Ln"

    assert parse_api_key(text) == ("a" * 8, "b" * 43)


def test_keys_differ() -> None:
    keys = [new_api_key() for _ in range(50)]

    assert len({key.id for key in keys}) == len({key.secret for key in keys}) == 50


@given(place=st.integers(0, 62), letter=st.sampled_from(BASE62 + "_- é٣"))
def test_mistyped_key_is_noticed(place: int, letter: str) -> None:
    text = new_api_key().text
    typed = text[:place] + letter + text[place + 1 :]

    assert (parse_api_key(typed) is None) == (typed != text)


@given(cut=st.integers(1, 62))
def test_key_cut_short_is_noticed(cut: int) -> None:
    text = new_api_key().text

    assert parse_api_key(text[:cut]) is None
    assert parse_api_key(text[cut:]) is None


@given(st.text(max_size=80))
def test_other_text_is_no_key(text: str) -> None:
    assert parse_api_key(text) is None


def test_key_with_something_behind_it_is_none() -> None:
    text = new_api_key().text

    assert parse_api_key(text + "\n") is None
    assert parse_api_key(" " + text) is None


def test_repr_shows_the_id_only() -> None:
    key = ApiKey(text="cak_abcdefgh_secret_123456", id="abcdefgh", secret="secret")

    assert repr(key) == "<ApiKey abcdefgh>"
    assert pretty_repr(key) == repr(key)


def test_hash_depends_on_pepper_and_secret() -> None:
    hashed = hash_secret(b"p" * 32, "secret")

    assert len(hashed) == 32
    assert hashed == hash_secret(b"p" * 32, "secret")
    assert hashed != hash_secret(b"q" * 32, "secret")
    assert hashed != hash_secret(b"p" * 32, "Secret")


def test_random_bytes_are_as_many_and_new() -> None:
    assert len(random_bytes(16)) == 16
    assert random_bytes(16) != random_bytes(16)


def test_derived_secret_is_the_one_of_rfc_5869() -> None:
    secret = bytes.fromhex(
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"
    )
    label = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")

    assert derive(secret, label).hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
    )


def test_derived_secrets_are_pinned_and_apart() -> None:
    secret = bytes(range(32))

    made = {label: derive(secret, label).hex() for label in (PEPPER_LABEL, JWT_LABEL)}

    assert made == {
        b"clubai/1 pepper": hkdf_expand(secret, b"clubai/1 pepper"),
        b"clubai/1 jwt": hkdf_expand(secret, b"clubai/1 jwt"),
    }
    assert len(set(made.values())) == 2


def hkdf_expand(secret: bytes, label: bytes) -> str:
    """The first block of HKDF-Expand, as its definition says it."""
    return hmac.new(secret, label + b"\x01", hashlib.sha256).hexdigest()
