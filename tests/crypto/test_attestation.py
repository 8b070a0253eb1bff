from __future__ import annotations

import contextlib
import hashlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.crypto.attestation import (
    ATTESTATION_SIZE,
    VERDICT_SIZE,
    Attestation,
    Commitment,
    Finish,
    Verdict,
    VerdictValue,
    finish_of,
    new_verdict_key,
    read_attestation,
    read_verdict,
    verify_attestation,
    verify_verdict,
)
from clubai.crypto.identity import Identity
from clubai.errors import LocalProtocolError, TrustError
from clubai.model import NodeId, TrustCode
from support.sealing import vector, vectors

hashes = st.binary(min_size=32, max_size=32)
u32 = st.integers(0, (1 << 32) - 1)
u64 = st.integers(0, (1 << 64) - 1)

attestations = st.builds(
    Attestation,
    th=hashes,
    out_commit=hashes,
    prompt_tokens=u32,
    output_tokens=u32,
    ttft_ms=u32,
    total_ms=u32,
    finish=st.sampled_from(Finish),
    records=u32,
    now_ms=u64,
    eq=hashes,
    sketch_hash=hashes,
)
verdicts = st.builds(
    Verdict,
    th=hashes,
    node=hashes.map(NodeId),
    attestation_hash=hashes,
    value=st.sampled_from(VerdictValue),
    score_milli=st.integers(0, 65_535),
    now_ms=u64,
)


def node() -> Identity:
    return Identity(vector("keys", "node_identity_seed"))


def client() -> Identity:
    return Identity(vector("keys", "client_verdict_seed"))


def vector_attestation() -> Attestation:
    expected = vectors()["attestation"]
    fields: dict[str, Any] = expected["fields"] | {
        "finish": Finish(expected["fields"]["finish"])
    }
    return Attestation(
        th=vector("request", "th"),
        out_commit=vector("attestation", "output_commitment"),
        eq=vector("attestation", "equality_tag"),
        sketch_hash=hashlib.sha256(vector("attestation", "sketch")).digest(),
        **fields,
    )


def vector_verdict() -> Verdict:
    expected = vectors()["verdict"]
    return Verdict(
        th=vector("request", "th"),
        node=node().node_id,
        attestation_hash=hashlib.sha256(vector("attestation", "body")).digest(),
        value=VerdictValue(expected["value"]),
        score_milli=expected["score_milli"],
        now_ms=expected["now_ms"],
    )


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# attestations


def test_attestation_of_the_vectors_is_made_as_there() -> None:
    body = vector_attestation().encode()

    assert body == vector("attestation", "body")
    assert len(body) == 172
    assert node().sign(body) == vector("attestation", "signature")


def test_attestation_of_the_vectors_is_read_as_there() -> None:
    read = verify_attestation(
        node().key, vector("attestation", "body"), vector("attestation", "signature")
    )

    assert read == vector_attestation()


@given(attestation=attestations)
def test_any_attestation_comes_back(attestation: Attestation) -> None:
    assert read_attestation(attestation.encode()) == attestation


@given(bit=st.integers(0, (ATTESTATION_SIZE + 64) * 8 - 1))
def test_no_bit_of_an_attestation_may_change(bit: int) -> None:
    changed = flipped(
        vector("attestation", "body") + vector("attestation", "signature"), bit
    )

    with pytest.raises(TrustError) as refusal:
        verify_attestation(
            node().key, changed[:ATTESTATION_SIZE], changed[ATTESTATION_SIZE:]
        )
    assert refusal.value.code is TrustCode.BAD_ATTESTATION


def test_attestation_of_another_node_is_refused() -> None:
    body = vector("attestation", "body")

    with pytest.raises(TrustError) as refusal:
        verify_attestation(node().key, body, client().sign(body))
    assert refusal.value.code is TrustCode.BAD_ATTESTATION


def test_signed_attestation_of_another_layout_is_refused() -> None:
    body = bytearray(vector("attestation", "body"))
    body[15 + 64 + 16] = 5
    for other in (bytes(body), vector("attestation", "body") + b"\0", b""):
        with pytest.raises(TrustError):
            verify_attestation(node().key, other, node().sign(other))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("th", bytes(31)),
        ("sketch_hash", bytes(128)),
        ("prompt_tokens", -1),
        ("records", 1 << 32),
        ("now_ms", 1 << 64),
    ],
)
def test_attestation_that_does_not_fit_is_a_bug(field: str, value: object) -> None:
    with pytest.raises(LocalProtocolError):
        msgspec.structs.replace(vector_attestation(), **{field: value}).encode()


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("stop", Finish.STOP),
        ("length", Finish.LENGTH),
        ("tool_calls", Finish.TOOL_CALLS),
        ("content_filter", Finish.CONTENT_FILTER),
        ("function_call", Finish.OTHER),
        ("", Finish.OTHER),
    ],
)
def test_finish_reasons_have_codes(reason: str, code: Finish) -> None:
    assert finish_of(reason) is code


# commitments


def test_commitment_is_that_of_the_vectors() -> None:
    commitment = Commitment(vector("response", "out_key"))

    commitment.update(vectors()["attestation"]["output"].encode())

    assert commitment.digest() == vector("attestation", "output_commitment")


@given(pieces=st.lists(st.binary()))
def test_where_output_is_cut_makes_no_difference(pieces: list[bytes]) -> None:
    cut, whole = Commitment(b"k" * 32), Commitment(b"k" * 32)

    for piece in pieces:
        cut.update(piece)
        cut.digest()
    whole.update(b"".join(pieces))

    assert cut.digest() == whole.digest()
    assert cut.digest() != Commitment(b"K" * 32).digest()


# verdicts


def test_verdict_of_the_vectors_is_made_as_there() -> None:
    body = vector_verdict().encode()

    assert body == vector("verdict", "body")
    assert len(body) == 123
    assert client().sign(body) == vector("verdict", "signature")


def test_verdict_of_the_vectors_is_read_as_there() -> None:
    read = verify_verdict(
        client().key, vector("verdict", "body"), vector("verdict", "signature")
    )

    assert read == vector_verdict()


@given(verdict=verdicts)
def test_any_verdict_comes_back(verdict: Verdict) -> None:
    assert read_verdict(verdict.encode()) == verdict


@given(bit=st.integers(0, (VERDICT_SIZE + 64) * 8 - 1))
def test_no_bit_of_a_verdict_may_change(bit: int) -> None:
    changed = flipped(vector("verdict", "body") + vector("verdict", "signature"), bit)

    with pytest.raises(TrustError) as refusal:
        verify_verdict(client().key, changed[:VERDICT_SIZE], changed[VERDICT_SIZE:])
    assert refusal.value.code is TrustCode.BAD_ATTESTATION


def test_only_the_client_of_the_task_gives_a_verdict() -> None:
    body, key = vector("verdict", "body"), new_verdict_key()

    assert verify_verdict(key.key, body, key.sign(body)) == vector_verdict()
    with pytest.raises(TrustError):
        verify_verdict(client().key, body, key.sign(body))
    assert new_verdict_key().key != key.key


def test_signed_verdict_of_another_layout_is_refused() -> None:
    body = bytearray(vector("verdict", "body"))
    body[16 + 96] = 6
    for other in (bytes(body), vector("verdict", "body")[:-1]):
        with pytest.raises(TrustError):
            verify_verdict(client().key, other, client().sign(other))


def test_verdict_that_does_not_fit_is_a_bug() -> None:
    for change in ({"score_milli": 65_536}, {"node": NodeId(bytes(31))}):
        with pytest.raises(LocalProtocolError):
            msgspec.structs.replace(vector_verdict(), **change).encode()


@given(
    body=st.binary(max_size=200)
    | st.binary(min_size=157, max_size=157).map(b"clubai/1 result".__add__)
    | st.binary(min_size=107, max_size=107).map(b"clubai/1 verdict".__add__),
    sig=st.binary(max_size=70),
)
def test_any_bytes_are_answered(body: bytes, sig: bytes) -> None:
    for read in (read_attestation, read_verdict):
        with contextlib.suppress(TrustError):
            read(body)
    for verify in (verify_attestation, verify_verdict):
        with pytest.raises(TrustError):
            verify(node().key, body, sig)
