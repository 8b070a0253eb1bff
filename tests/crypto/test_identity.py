from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.crypto import identity as identities
from clubai.crypto.identity import Identity, node_id, verify
from clubai.errors import ConfigError
from clubai.model import node_nickname

SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")


def test_known_answer_of_the_standard() -> None:
    identity = Identity(SEED)

    assert identity.key.hex() == (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    )
    assert identity.sign(b"").hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )


def test_node_id_is_the_labelled_hash_of_the_key() -> None:
    identity = Identity(SEED)

    expected = hashlib.sha256(b"clubai/1 node-id" + identity.key).digest()
    assert identity.node_id == node_id(identity.key) == expected


def test_identity_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "node.key"

    made = Identity.load_or_create(path)

    assert Identity.load_or_create(path).key == made.key
    assert Identity.load(path).key == made.key
    assert len(path.read_bytes()) == 32


def test_two_generated_ones_differ() -> None:
    assert Identity.generate().key != Identity.generate().key


def test_file_for_everybody_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "node.key"
    Identity.load_or_create(path)
    path.chmod(0o644)

    with pytest.raises(ConfigError, match="chmod 600"):
        Identity.load(path)


def test_repr_shows_the_nickname_and_no_key() -> None:
    identity = Identity(SEED)

    assert repr(identity) == f"<Identity {node_nickname(identity.node_id)}>"


@given(message=st.binary(max_size=200))
def test_only_what_was_signed_verifies(message: bytes) -> None:
    signature = Identity(SEED).sign(message)
    key = Identity(SEED).key

    assert verify(key, message, signature)
    assert not verify(key, message + b"x", signature)
    assert not verify(Identity.generate().key, message, signature)


@given(place=st.integers(0, 63), bit=st.integers(0, 7))
def test_no_bit_of_a_signature_may_change(place: int, bit: int) -> None:
    signature = bytearray(Identity(SEED).sign(b"hello"))
    signature[place] ^= 1 << bit

    assert not verify(Identity(SEED).key, b"hello", bytes(signature))


@given(key=st.binary(max_size=40), signature=st.binary(max_size=70))
def test_any_bytes_are_answered(key: bytes, signature: bytes) -> None:
    assert not verify(key, b"hello", signature)


@pytest.mark.parametrize("key", [bytes(32), b"\x01" + bytes(31), b"\xff" * 32])
def test_weak_keys_verify_nothing(key: bytes) -> None:
    assert not verify(key, b"hello", bytes(64))
    assert not verify(key, b"hello", b"\x01" + bytes(63))


@given(bit=st.integers(0, 8 * (32 + 5 + 64) - 1))
def test_a_signature_that_is_known_vouches_for_no_other_bytes(bit: int) -> None:
    signature = Identity(SEED).sign(b"hello", known=True)
    whole = bytearray(Identity(SEED).key + b"hello" + signature)
    whole[bit // 8] ^= 1 << bit % 8
    key, message, changed = bytes(whole[:32]), bytes(whole[32:37]), bytes(whole[37:])

    assert verify(Identity(SEED).key, b"hello", signature)
    assert not verify(key, message, changed)


def test_a_bad_signature_is_never_taken_for_known() -> None:
    forged = bytes(64)

    assert [verify(Identity(SEED).key, b"hello", forged) for _ in range(3)] == [
        False,
        False,
        False,
    ]


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The messages whose signatures were computed; none is known at the start."""
    messages: list[bytes] = []

    class Counting(identities.VerifyKey):
        def verify(self, message: bytes, signature: bytes) -> bytes:
            messages.append(message)
            return super().verify(message, signature)

    monkeypatch.setattr(identities, "VerifyKey", Counting)
    monkeypatch.setattr(identities, "_good", identities._Good())
    return messages


def test_a_known_signature_is_not_computed_again(computed: list[bytes]) -> None:
    identity = Identity(SEED)
    signature = identity.sign(b"hello")

    assert verify(identity.key, b"hello", signature)
    assert verify(identity.key, b"hello", signature)
    assert computed == [b"hello"]


def test_only_the_last_signatures_are_known_and_those_that_come_often(
    monkeypatch: pytest.MonkeyPatch, computed: list[bytes]
) -> None:
    monkeypatch.setattr(identities, "REMEMBERED", 10)
    identity = Identity(SEED)

    for number in range(100):
        message = str(number).encode()
        assert verify(identity.key, message, identity.sign(message))
        assert verify(identity.key, b"often", identity.sign(b"often"))
    assert verify(identity.key, b"0", identity.sign(b"0"))

    assert computed.count(b"often") == 1
    assert computed.count(b"0") == 2
    assert len(identities._good) < 20
