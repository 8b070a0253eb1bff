from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.crypto.leaves import (
    MAX_LEAF_BYTES,
    BundleLeaf,
    RotationLeaf,
    UnknownLeaf,
    encode_leaf,
    read_leaf,
)
from clubai.errors import TrustError
from clubai.model import TrustCode

SIG, OWN = b"s" * 64, b"o" * 64

BUNDLES = st.builds(
    BundleLeaf,
    st.binary(min_size=1, max_size=300),
    st.binary(min_size=64, max_size=64),
    st.just(b"") | st.binary(min_size=64, max_size=64),
)
ROTATIONS = st.builds(
    RotationLeaf,
    st.binary(min_size=32, max_size=32),
    st.integers(0, 2**64 - 1),
)


def refused(data: bytes) -> None:
    with pytest.raises(TrustError) as caught:
        read_leaf(data)
    assert caught.value.code is TrustCode.BAD_BUNDLE


def test_a_bundles_bytes() -> None:
    assert encode_leaf(BundleLeaf(b"body", SIG, OWN)) == (
        b"\x00" + b"\x00\x00\x00\x04body" + b"\x00\x00\x00\x40" + SIG
    ) + (b"\x00\x00\x00\x40" + OWN)
    assert encode_leaf(BundleLeaf(b"b", SIG))[-4:] == bytes(4)


def test_a_rotations_bytes() -> None:
    leaf = RotationLeaf(b"k" * 32, 258)

    assert encode_leaf(leaf) == (
        b"\x01" + b"\x00\x00\x00\x20" + b"k" * 32 + bytes(6) + b"\x01\x02"
    )


@given(BUNDLES | ROTATIONS)
def test_what_was_logged_is_read(leaf: BundleLeaf | RotationLeaf) -> None:
    assert read_leaf(encode_leaf(leaf)) == leaf


@given(BUNDLES | ROTATIONS, st.data())
def test_no_part_of_an_entry_is_an_entry(
    leaf: BundleLeaf | RotationLeaf, data: st.DataObject
) -> None:
    encoded = encode_leaf(leaf)

    refused(encoded[: data.draw(st.integers(0, len(encoded) - 1))])
    refused(encoded + b"\x00")


@given(st.binary(max_size=200))
def test_whatever_comes_is_read_as_one_thing_or_refused(data: bytes) -> None:
    try:
        leaf = read_leaf(data)
    except TrustError:
        return
    assert isinstance(leaf, UnknownLeaf) or encode_leaf(leaf) == data


def test_a_kind_of_tomorrow_is_no_error() -> None:
    assert read_leaf(b"\x02anything") == UnknownLeaf(2)


@pytest.mark.parametrize(
    "leaf",
    [
        BundleLeaf(b"", SIG),
        BundleLeaf(b"b", SIG[:63]),
        BundleLeaf(b"b", SIG, b"o"),
        BundleLeaf(bytes(MAX_LEAF_BYTES), SIG),
        RotationLeaf(b"k" * 31, 0),
    ],
)
def test_what_cannot_be_read_is_not_logged(leaf: BundleLeaf | RotationLeaf) -> None:
    with pytest.raises(TrustError):
        encode_leaf(leaf)
