from __future__ import annotations

import base64
import hashlib

import pytest

from clubai.crypto.enrolment import (
    new_enrolment_id,
    new_enrolment_token,
    new_ticket,
    token_hash,
)


@pytest.mark.parametrize(
    ("make", "prefix", "size"),
    [(new_enrolment_token, "cet_", 16), (new_ticket, "cwt_", 32)],
)
def test_a_token_holds_its_bits_in_lower_case_base32(
    make: object, prefix: str, size: int
) -> None:
    text = make()  # type: ignore[operator]

    body = text.removeprefix(prefix)
    assert body != text
    assert body == body.lower()
    padded = body.upper() + "=" * (-len(body) % 8)
    assert len(base64.b32decode(padded)) == size


def test_no_two_are_the_same() -> None:
    makers = (new_enrolment_token, new_ticket, new_enrolment_id)

    assert len({make() for make in makers for _ in range(200)}) == 600


def test_a_hash_is_sha256_and_shows_nothing() -> None:
    assert token_hash("cet_x") == hashlib.sha256(b"cet_x").digest()
