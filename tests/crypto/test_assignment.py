from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.crypto.assignment import (
    ASSIGNMENT_LABEL,
    assignment_hash,
    sign_assignment,
    verify_assignment,
)
from clubai.crypto.identity import Identity
from clubai.errors import LocalProtocolError, TrustError
from clubai.model import TrustCode

COORDINATOR = Identity(b"k" * 32)
BODY = ASSIGNMENT_LABEL + b"\x81\xa1v\x01"


def refused(key: bytes, body: bytes, sig: bytes) -> TrustCode:
    with pytest.raises(TrustError) as refusal:
        verify_assignment(key, body, sig)
    return refusal.value.code


def test_what_the_coordinator_signed_holds() -> None:
    verify_assignment(COORDINATOR.key, BODY, sign_assignment(COORDINATOR, BODY))


def test_another_key_did_not_sign_it() -> None:
    sig = sign_assignment(Identity.generate(), BODY)

    assert refused(COORDINATOR.key, BODY, sig) is TrustCode.BAD_ASSIGNMENT


@given(bit=st.integers(0, (len(BODY) + 64) * 8 - 1))
def test_no_bit_may_change(bit: int) -> None:
    changed = bytearray(BODY + sign_assignment(COORDINATOR, BODY))
    changed[bit // 8] ^= 1 << bit % 8
    body, sig = bytes(changed[: len(BODY)]), bytes(changed[len(BODY) :])

    assert refused(COORDINATOR.key, body, sig) is TrustCode.BAD_ASSIGNMENT


def test_other_thing_that_the_coordinator_signed_is_no_assignment() -> None:
    body = b"clubai/1 checkpoint" + BODY

    sig = COORDINATOR.sign(body)

    assert refused(COORDINATOR.key, body, sig) is TrustCode.BAD_ASSIGNMENT
    with pytest.raises(LocalProtocolError):
        sign_assignment(COORDINATOR, body)


@given(key=st.binary(max_size=40), body=st.binary(), sig=st.binary(max_size=70))
def test_any_bytes_are_answered(key: bytes, body: bytes, sig: bytes) -> None:
    assert refused(key, ASSIGNMENT_LABEL + body, sig) is TrustCode.BAD_ASSIGNMENT
    assert refused(key, body, sig) is TrustCode.BAD_ASSIGNMENT


def test_hash_is_of_the_body() -> None:
    assert assignment_hash(BODY) == hashlib.sha256(BODY).digest()
