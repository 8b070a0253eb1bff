"""Merkle trees of RFC 6962 over SHA-256: roots, proofs, and their checking. Pure.

A range of leaves `[start, end)` is what proofs are made of: which ranges a proof needs
is decided here, and where their hashes come from is the caller's (a list of leaf
hashes, or tiles). Checking follows RFC 9162 and shares no code with making.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

HASH_SIZE: Final = 32

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""The root of the tree without leaves."""


class Node(NamedTuple):
    """A complete subtree: the leaves `[number << height, (number + 1) << height)`."""

    height: int
    number: int


class Range(NamedTuple):
    """The leaves `[start, end)`: one subtree of some tree."""

    start: int
    end: int

    def nodes(self) -> list[Node]:
        """The complete subtrees that it is made of, the largest and leftmost first."""
        found: list[Node] = []
        start = self.start
        while start < self.end:
            height = (self.end - start).bit_length() - 1
            found.append(Node(height, start >> height))
            start += 1 << height
        return found


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one leaf's bytes."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    frontier = Frontier()
    for each in hashes:
        frontier.append(each)
    return frontier.root()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The hash over complete subtrees of falling height, as `Range.nodes` orders them.

    Raises:
        ValueError: there are none.
    """
    if not hashes:
        msg = "no hash to fold"
        raise ValueError(msg)
    *left, result = hashes
    for each in reversed(left):
        result = node_hash(each, result)
    return result


class Frontier:
    """What must be kept of a tree to append to it: at most one hash a height."""

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)
        good = all(len(peak) == HASH_SIZE for peak in self._peaks)
        if size < 0 or len(self._peaks) != size.bit_count() or not good:
            msg = f"{len(self._peaks)} peaks cannot be those of {size} leaves"
            raise ValueError(msg)

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The hashes of the complete subtrees, the largest first."""
        return tuple(self._peaks)

    def append(self, hashed: bytes) -> None:
        """Add a leaf by its hash."""
        carry = self.size
        while carry & 1:
            hashed = node_hash(self._peaks.pop(), hashed)
            carry >>= 1
        self._peaks.append(hashed)
        self.size += 1

    def root(self) -> bytes:
        """The root over all that was appended."""
        return fold(self._peaks) if self._peaks else EMPTY_ROOT


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The subtrees whose hashes prove leaf `index` of `size`, in the proof's order.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        msg = f"there is no leaf {index} among {size}"
        raise ValueError(msg)
    found: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            found.append(Range(middle, end))
            end = middle
        else:
            found.append(Range(start, middle))
            start = middle
    return found[::-1]


def consistency_ranges(first: int, second: int) -> list[Range]:
    """The subtrees whose hashes prove that `second` leaves begin with `first`.

    Raises:
        ValueError: `first` is negative or above `second`.
    """
    if not 0 <= first <= second:
        msg = f"{second} leaves do not begin with {first}"
        raise ValueError(msg)
    if first in (0, second):
        return []
    found: list[Range] = []
    start, end, whole = 0, second, True
    while end != first:
        middle = start + _split(end - start)
        if first <= middle:
            found.append(Range(middle, end))
            end = middle
        else:
            found.append(Range(start, middle))
            start, whole = middle, False
    if not whole:
        found.append(Range(start, end))
    return found[::-1]


def prove(ranges: Iterable[Range], hash_of: Callable[[Node], bytes]) -> list[bytes]:
    """The proof that consists of `ranges`, from the hashes of complete subtrees."""
    return [fold([hash_of(node) for node in each.nodes()]) for each in ranges]


def hashes_in(leaves: Sequence[bytes]) -> Callable[[Node], bytes]:
    """Where `prove` finds hashes when all leaf hashes are at hand."""

    def hash_of(node: Node) -> bytes:
        start = node.number << node.height
        return root(leaves[start : start + (1 << node.height)])

    return hash_of


def verify_inclusion(
    hashed: bytes, index: int, size: int, proof: Sequence[bytes], top: bytes
) -> bool:
    """Tell whether `hashed` is leaf `index` of the `size` leaves under `top`."""
    if not 0 <= index < size:
        return False
    place, last, result = index, size - 1, hashed
    for step in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            result = node_hash(step, result)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            result = node_hash(result, step)
        place >>= 1
        last >>= 1
    return last == 0 and result == top


def verify_consistency(
    first: int, second: int, proof: Sequence[bytes], first_root: bytes, top: bytes
) -> bool:
    """Tell whether the `second` leaves under `top` begin with those of `first_root`.

    Nothing is a beginning of everything: for `first` 0 the proof is empty.
    """
    if not 0 <= first <= second:
        return False
    if first == second:
        return not proof and first_root == top
    if first == 0:
        return not proof and first_root == EMPTY_ROOT
    steps = list(proof)
    if first & (first - 1) == 0:
        steps.insert(0, first_root)
    if not steps:
        return False
    place, last = first - 1, second - 1
    while place & 1:
        place >>= 1
        last >>= 1
    earlier = later = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            earlier, later = node_hash(step, earlier), node_hash(step, later)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            later = node_hash(later, step)
        place >>= 1
        last >>= 1
    return last == 0 and earlier == first_root and later == top


def _split(count: int) -> int:
    """The largest power of two below `count`, which is above 1."""
    return 1 << (count - 1).bit_length() - 1
