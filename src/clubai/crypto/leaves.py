"""What an entry of the key log says. Pure.

```
entry    u8 kind || ...
bundle   0 || lp(body) || lp(sig) || lp(own_sig)      a node's keys, and who owns it
rotation 1 || lp(key) || u64 from_ms                  the coordinator's next key
lp(x)    u32 length || x                              all integers big-endian
```
Whether the signatures in it hold is another question; an entry is only what was logged.
"""

from __future__ import annotations

from typing import Final

import msgspec

from clubai.crypto.identity import KEY_SIZE, SIGNATURE_SIZE
from clubai.errors import TrustError
from clubai.model import TrustCode

MAX_LEAF_BYTES: Final = 4096
_BUNDLE: Final = 0
_ROTATION: Final = 1


class BundleLeaf(msgspec.Struct, frozen=True):
    """A node's bundle, as it was when it was logged."""

    body: bytes
    sig: bytes
    own_sig: bytes = b""
    """The owner's countersignature of the node id; empty when there was none."""


class RotationLeaf(msgspec.Struct, frozen=True):
    """The coordinator will sign with `key` from `from_ms` on."""

    key: bytes
    from_ms: int


class UnknownLeaf(msgspec.Struct, frozen=True):
    """An entry of a kind that this program does not know."""

    kind: int


Leaf = BundleLeaf | RotationLeaf | UnknownLeaf


def encode_leaf(leaf: BundleLeaf | RotationLeaf) -> bytes:
    """The bytes of an entry.

    Raises:
        TrustError: `BAD_BUNDLE`; it is too long, or not of the form.
    """
    match leaf:
        case BundleLeaf():
            parts = _lp(leaf.body) + _lp(leaf.sig) + _lp(leaf.own_sig)
            encoded = bytes([_BUNDLE]) + parts
        case RotationLeaf():
            encoded = (
                bytes([_ROTATION]) + _lp(leaf.key) + leaf.from_ms.to_bytes(8, "big")
            )
    read_leaf(encoded)
    return encoded


def read_leaf(data: bytes) -> Leaf:
    """Read an entry, whoever logged it.

    Raises:
        TrustError: `BAD_BUNDLE`; it is of a kind that is known and not of its form.
    """
    if not 0 < len(data) <= MAX_LEAF_BYTES:
        raise _unreadable(f"{len(data)} bytes")
    kind, rest = data[0], data[1:]
    if kind == _BUNDLE:
        body, rest = _take(rest)
        sig, rest = _take(rest)
        own_sig, rest = _take(rest)
        sizes = len(sig) == SIGNATURE_SIZE and len(own_sig) in (0, SIGNATURE_SIZE)
        if rest or not body or not sizes:
            raise _unreadable("a bundle of another form")
        return BundleLeaf(body, sig, own_sig)
    if kind == _ROTATION:
        key, rest = _take(rest)
        if len(key) != KEY_SIZE or len(rest) != 8:
            raise _unreadable("a rotation of another form")
        return RotationLeaf(key, int.from_bytes(rest, "big"))
    return UnknownLeaf(kind)


def _lp(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def _take(data: bytes) -> tuple[bytes, bytes]:
    end = 4 + int.from_bytes(data[:4], "big")
    if len(data) < 4 or len(data) < end:
        raise _unreadable("it is cut short")
    return data[4:end], data[end:]


def _unreadable(reason: str) -> TrustError:
    return TrustError(
        TrustCode.BAD_BUNDLE, f"an entry of the key log cannot be read: {reason}"
    )
