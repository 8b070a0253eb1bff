from __future__ import annotations

import pytest

from clubai.crypto.passwords import (
    UNKNOWN_MEMBER_HASH,
    hash_password,
    needs_rehash,
    verify_password,
)


def test_password_verifies_against_its_own_hash_only() -> None:
    phc = hash_password("correct horse")

    assert verify_password(phc, "correct horse")
    assert not verify_password(phc, "Correct horse")
    assert not verify_password(phc, "")


def test_hash_names_the_parameters_and_not_the_password() -> None:
    phc = hash_password("correct horse")

    assert phc.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert "correct" not in phc
    assert phc != hash_password("correct horse")


def test_password_is_the_same_however_it_is_composed() -> None:
    assert verify_password(hash_password("cafe\u0301 au lait"), "caf\u00e9 au lait")


def test_any_text_can_be_a_password() -> None:
    strange = "\x00\ud800\U0001f511 long enough"

    assert verify_password(hash_password(strange), strange)


@pytest.mark.parametrize(
    "phc", ["", "plain", "$argon2id$", "$argon2id$" + "x" * 200, "ä"]
)
def test_what_is_no_hash_matches_nothing(phc: str) -> None:
    assert not verify_password(phc, "correct horse")


def test_only_hashes_of_other_parameters_need_a_new_one() -> None:
    phc = hash_password("correct horse")

    assert not needs_rehash(phc)
    assert needs_rehash(phc.replace("t=2", "t=1"))
    assert needs_rehash(phc.replace("m=19456", "m=8192"))


def test_hash_for_unknown_members_costs_as_much_and_matches_nothing() -> None:
    assert not needs_rehash(UNKNOWN_MEMBER_HASH)
    assert len(UNKNOWN_MEMBER_HASH) == len(hash_password("correct horse"))
    assert not verify_password(UNKNOWN_MEMBER_HASH, "correct horse")
