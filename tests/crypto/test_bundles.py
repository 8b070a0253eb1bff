from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.crypto.bundles import (
    BUNDLE_SIZE,
    CLOCK_SKEW_MS,
    Bundle,
    check_time,
    countersign,
    is_owner,
    make_bundle,
    own_bytes,
    read_bundle,
)
from clubai.crypto.identity import Identity
from clubai.errors import LocalProtocolError, TrustError
from clubai.model import NodeId, TrustCode
from support.sealing import node_private_key, vector, vectors

NODE = Identity(bytes(range(32)))
OWNER = Identity(b"o" * 32)


def bundle(
    identity: Identity = NODE, *, nbf_ms: int = 1000, naf_ms: int = 2000
) -> Bundle:
    return make_bundle(
        NODE, b"e" * 32, epoch=7, nbf_ms=nbf_ms, naf_ms=naf_ms, previous=b"p" * 32
    )


def refused(body: bytes, sig: bytes) -> TrustCode:
    with pytest.raises(TrustError) as refusal:
        read_bundle(body, sig)
    return refusal.value.code


def test_bundle_of_the_vectors_is_made_as_there() -> None:
    fields = vectors()["inputs"]["bundle"]

    made = make_bundle(
        Identity(vector("keys", "node_identity_seed")),
        node_private_key().public_key().public_bytes_raw(),
        epoch=fields["epoch"],
        nbf_ms=fields["not_before_ms"],
        naf_ms=fields["not_after_ms"],
        previous=bytes.fromhex(fields["previous"]),
    )

    assert made.body == vector("bundle", "body")
    assert made.sig == vector("bundle", "signature")


def test_bundle_of_the_vectors_is_read_as_there() -> None:
    fields = vectors()["inputs"]["bundle"]

    read = read_bundle(vector("bundle", "body"), vector("bundle", "signature"))

    assert read.hash == vector("bundle", "sha256")
    assert read.node == vector("bundle", "node_id")
    assert read.ek == node_private_key().public_key().public_bytes_raw()
    assert (read.epoch, read.nbf_ms, read.naf_ms) == (
        fields["epoch"],
        fields["not_before_ms"],
        fields["not_after_ms"],
    )
    assert read.previous == bytes(32)


@given(
    epoch=st.integers(0, (1 << 32) - 1),
    times=st.lists(st.integers(0, (1 << 64) - 1), min_size=2, max_size=2, unique=True),
    previous=st.binary(min_size=32, max_size=32),
)
def test_any_bundle_comes_back(epoch: int, times: list[int], previous: bytes) -> None:
    nbf_ms, naf_ms = sorted(times)
    made = make_bundle(
        NODE,
        b"e" * 32,
        epoch=epoch,
        nbf_ms=nbf_ms,
        naf_ms=naf_ms,
        previous=previous,
    )

    assert read_bundle(made.body, made.sig) == made
    assert (made.ik, made.ek, made.previous) == (NODE.key, b"e" * 32, previous)
    assert (made.epoch, made.nbf_ms, made.naf_ms) == (epoch, nbf_ms, naf_ms)


@given(bit=st.integers(0, (BUNDLE_SIZE + 64) * 8 - 1))
def test_no_bit_of_a_bundle_may_change(bit: int) -> None:
    made = bundle()
    changed = bytearray(made.body + made.sig)
    changed[bit // 8] ^= 1 << bit % 8

    code = refused(bytes(changed[:BUNDLE_SIZE]), bytes(changed[BUNDLE_SIZE:]))

    assert code is TrustCode.BAD_BUNDLE


def test_bundle_signed_by_another_identity_is_refused() -> None:
    made = bundle()

    assert refused(made.body, OWNER.sign(made.body)) is TrustCode.BAD_BUNDLE


def test_signed_bundle_of_another_size_is_refused() -> None:
    made = bundle()

    for body in (made.body + b"\0", made.body[:-1], b""):
        assert refused(body, NODE.sign(body)) is TrustCode.BAD_BUNDLE


@pytest.mark.parametrize(
    ("place", "size"), [(15, 31), (51, 33), (107, 0)], ids=["ik", "ek", "previous"]
)
def test_signed_bundle_with_another_length_inside_is_refused(
    place: int, size: int
) -> None:
    body = bytearray(bundle().body)
    struct.pack_into(">I", body, place, size)

    assert refused(bytes(body), NODE.sign(bytes(body))) is TrustCode.BAD_BUNDLE


def test_other_thing_that_a_node_signed_is_no_bundle() -> None:
    body = b"clubai/1 BUNDLE" + bundle().body[15:]

    assert refused(body, NODE.sign(body)) is TrustCode.BAD_BUNDLE


def test_signed_bundle_that_ends_before_it_begins_is_refused() -> None:
    body = bytearray(bundle().body)
    struct.pack_into(">QQ", body, 91, 2000, 2000)

    assert refused(bytes(body), NODE.sign(bytes(body))) is TrustCode.BAD_BUNDLE


@given(body=st.binary(max_size=200), sig=st.binary(max_size=70))
def test_any_bytes_are_answered(body: bytes, sig: bytes) -> None:
    assert refused(body, sig) is TrustCode.BAD_BUNDLE


def test_bundle_that_does_not_fit_is_a_bug() -> None:
    with pytest.raises(LocalProtocolError):
        bundle(nbf_ms=2000, naf_ms=2000)
    with pytest.raises(LocalProtocolError):
        make_bundle(NODE, b"e" * 31, epoch=1, nbf_ms=0, naf_ms=1)
    with pytest.raises(LocalProtocolError):
        make_bundle(NODE, b"e" * 32, epoch=1 << 32, nbf_ms=0, naf_ms=1)


def test_bundle_is_valid_in_its_time_give_or_take_the_clocks() -> None:
    made = bundle(nbf_ms=10_000_000, naf_ms=20_000_000)

    for now_ms in (10_000_000 - CLOCK_SKEW_MS, 20_000_000 + CLOCK_SKEW_MS - 1):
        check_time(made, now_ms)
    for now_ms in (10_000_000 - CLOCK_SKEW_MS - 1, 20_000_000 + CLOCK_SKEW_MS):
        with pytest.raises(TrustError) as refusal:
            check_time(made, now_ms)
        assert refusal.value.code is TrustCode.EXPIRED


def test_owner_signs_for_one_node() -> None:
    sig = countersign(OWNER, NODE.node_id)

    assert own_bytes(NODE.node_id) == b"clubai/1 own" + NODE.node_id
    assert is_owner(OWNER.key, NODE.node_id, sig)
    assert not is_owner(NODE.key, NODE.node_id, sig)
    assert not is_owner(OWNER.key, OWNER.node_id, sig)
    assert not is_owner(OWNER.key, NODE.node_id, sig[:-1])


@given(bit=st.integers(0, 511))
def test_no_bit_of_a_countersignature_may_change(bit: int) -> None:
    sig = bytearray(countersign(OWNER, NODE.node_id))
    sig[bit // 8] ^= 1 << bit % 8

    assert not is_owner(OWNER.key, NodeId(NODE.node_id), bytes(sig))
