from __future__ import annotations

import hashlib

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from clubai.crypto.merkle import (
    EMPTY_ROOT,
    Frontier,
    Node,
    Range,
    consistency_ranges,
    fold,
    hashes_in,
    inclusion_ranges,
    leaf_hash,
    node_hash,
    prove,
    root,
    verify_consistency,
    verify_inclusion,
)

REFERENCE = [
    leaf_hash(bytes.fromhex(text))
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
"""The leaves of the reference tree of Certificate Transparency."""
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


def plain_root(hashes: list[bytes]) -> bytes:
    """The definition of RFC 6962, word for word."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(plain_root(hashes[:split]), plain_root(hashes[split:]))


def inclusion(index: int, hashes: list[bytes]) -> list[bytes]:
    return prove(inclusion_ranges(index, len(hashes)), hashes_in(hashes))


def consistency(first: int, hashes: list[bytes]) -> list[bytes]:
    return prove(consistency_ranges(first, len(hashes)), hashes_in(hashes))


def test_the_published_roots_are_found() -> None:
    assert root([]) == EMPTY_ROOT == hashlib.sha256(b"").digest()
    for count, expected in enumerate(ROOTS, 1):
        assert root(REFERENCE[:count]).hex() == expected


@pytest.mark.parametrize("size", range(1, 9))
def test_every_leaf_of_a_small_tree_is_proved_at_its_place_only(size: int) -> None:
    hashes = REFERENCE[:size]
    top = root(hashes)
    for index in range(size):
        proof = inclusion(index, hashes)
        for at in range(-1, size + 1):
            for leaf in range(size):
                good = at == index == leaf
                assert verify_inclusion(hashes[leaf], at, size, proof, top) == good


def test_a_published_inclusion_proof_is_made() -> None:
    assert [step.hex() for step in inclusion(5, REFERENCE)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@pytest.mark.parametrize("second", range(9))
def test_every_beginning_of_a_small_tree_is_proved_and_no_other(second: int) -> None:
    hashes = REFERENCE[:second]
    proofs = {first: consistency(first, hashes) for first in range(second + 1)}
    for first in range(second + 1):
        proof = proofs[first]
        for at in range(-1, second + 2):
            for claimed in range(9):
                good = at == claimed <= second and proof == proofs.get(at)
                seen = verify_consistency(
                    at, second, proof, root(REFERENCE[:claimed]), root(hashes)
                )
                assert seen == good, (first, second, at, claimed)


def test_a_published_consistency_proof_is_made() -> None:
    assert [step.hex() for step in consistency(6, REFERENCE)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(st.integers(1, 600), st.data())
def test_inclusion_holds_until_a_bit_differs(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof, top = inclusion(index, hashes), root(hashes)
    assert top == plain_root(hashes)
    assert verify_inclusion(hashes[index], index, size, proof, top)

    flipped = [hashes[index], *proof, top]
    which = data.draw(st.integers(0, len(flipped) - 1))
    bit = data.draw(st.integers(0, 255))
    event("the leaf" if which == 0 else "the root" if which > len(proof) else "a step")
    flipped[which] = flip(flipped[which], bit)
    leaf, *steps, changed = flipped
    assert not verify_inclusion(leaf, index, size, steps, changed)
    assert not verify_inclusion(hashes[index], index, size, [*proof, bytes(32)], top)
    assert not proof or not verify_inclusion(
        hashes[index], index, size, proof[:-1], top
    )


@given(st.integers(1, 600), st.data())
def test_consistency_holds_until_a_bit_differs(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    first = data.draw(st.integers(0, size))
    proof, old, new = consistency(first, hashes), root(hashes[:first]), root(hashes)
    assert verify_consistency(first, size, proof, old, new)

    flipped = [old, *proof, new]
    assume(first > 0)
    which = data.draw(st.integers(0, len(flipped) - 1))
    flipped[which] = flip(flipped[which], data.draw(st.integers(0, 255)))
    changed_old, *steps, changed_new = flipped
    assert not verify_consistency(first, size, steps, changed_old, changed_new)
    assert not verify_consistency(first, size, [*proof, bytes(32)], old, new)


def flip(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_nothing_is_the_beginning_of_everything_but_only_as_nothing() -> None:
    top = root(REFERENCE)

    assert verify_consistency(0, 8, [], EMPTY_ROOT, top)
    assert not verify_consistency(0, 8, [], top, top)
    assert not verify_consistency(0, 8, [top], EMPTY_ROOT, top)


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_frontier_goes_on_where_it_was_left(before: int, more: int) -> None:
    hashes = leaves(before + more)
    frontier = Frontier()
    for each in hashes[:before]:
        frontier.append(each)
    again = Frontier(frontier.size, frontier.peaks)
    for each in hashes[before:]:
        again.append(each)

    assert again.size == len(hashes)
    assert again.root() == plain_root(hashes)


@pytest.mark.parametrize(
    ("size", "peaks"),
    [(-1, []), (1, []), (2, [bytes(32)] * 2), (3, [bytes(32), b"short"])],
)
def test_a_frontier_that_cannot_be_is_refused(size: int, peaks: list[bytes]) -> None:
    with pytest.raises(ValueError, match="peaks cannot be those"):
        Frontier(size, peaks)


def test_a_range_is_made_of_complete_subtrees() -> None:
    assert Range(0, 7).nodes() == [Node(2, 0), Node(1, 2), Node(0, 6)]
    assert Range(4, 8).nodes() == [Node(2, 1)]
    assert Range(3, 3).nodes() == []


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 3), (3, 3)])
def test_a_leaf_that_is_not_there_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_ranges(index, size)


@pytest.mark.parametrize(("first", "second"), [(-1, 3), (4, 3)])
def test_a_longer_tree_is_no_beginning(first: int, second: int) -> None:
    with pytest.raises(ValueError, match="do not begin"):
        consistency_ranges(first, second)


def test_nothing_cannot_be_folded() -> None:
    with pytest.raises(ValueError, match="no hash"):
        fold([])
