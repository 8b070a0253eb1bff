"""A node's bundle: its encryption key, signed by its identity, for a time.

Body: `"clubai/1 bundle" || lp(identity key) || lp(encryption key) || u32 epoch ||
u64 nbf_ms || u64 naf_ms || lp(hash of the bundle before)`, 143 bytes. It is verified
over the bytes as received.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final

import msgspec

from clubai.crypto.identity import SIGNATURE_SIZE, Identity, node_id, verify
from clubai.errors import LocalProtocolError, TrustError
from clubai.model import NodeId, TrustCode

CLOCK_SKEW_MS: Final = 120_000
"""How far two clocks may be apart."""
NO_PREVIOUS: Final = bytes(32)
"""What a node's first bundle has for the hash of the one before."""

_LABEL: Final = b"clubai/1 bundle"
_OWN_LABEL: Final = b"clubai/1 own"
_BODY: Final = struct.Struct(">15sI32sI32sIQQI32s")

BUNDLE_SIZE: Final = _BODY.size


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle whose signature holds. Made by `make_bundle` and `read_bundle` only."""

    body: bytes
    sig: bytes
    ik: bytes
    """The node's identity key."""
    ek: bytes
    """The node's encryption key, of this epoch."""
    epoch: int
    nbf_ms: int
    """Valid from, Unix time in milliseconds."""
    naf_ms: int
    """Valid until."""
    previous: bytes
    """The hash of the bundle before, 32 bytes."""

    @property
    def node(self) -> NodeId:
        """Whose it is."""
        return node_id(self.ik)

    @property
    def hash(self) -> bytes:
        """SHA-256 of the body: what a request is bound to."""
        return hashlib.sha256(self.body).digest()


def make_bundle(
    identity: Identity,
    ek_pub: bytes,
    *,
    epoch: int,
    nbf_ms: int,
    naf_ms: int,
    previous: bytes = NO_PREVIOUS,
) -> Bundle:
    """Sign the bundle of an epoch.

    Raises:
        LocalProtocolError: a field does not fit into its place, or it is never valid.
    """
    if len(ek_pub) != 32 or len(previous) != 32:
        raise LocalProtocolError("a key or hash of a bundle is not of 32 bytes")
    if not 0 <= epoch < 1 << 32 or not 0 <= nbf_ms < naf_ms < 1 << 64:
        raise LocalProtocolError("a bundle's epoch or times do not fit")
    body = _BODY.pack(
        _LABEL, 32, identity.key, 32, ek_pub, epoch, nbf_ms, naf_ms, 32, previous
    )
    return read_bundle(body, identity.sign(body))


def read_bundle(body: bytes, sig: bytes) -> Bundle:
    """Read a bundle and check who signed it; when it is valid is for `check_time`.

    Raises:
        TrustError: BAD_BUNDLE, when it is no bundle or its node did not sign it.
    """
    if len(body) != BUNDLE_SIZE or len(sig) != SIGNATURE_SIZE:
        raise _bad("not of a bundle's size")
    label, one, ik, two, ek, epoch, nbf_ms, naf_ms, three, previous = _BODY.unpack(body)
    if label != _LABEL or (one, two, three) != (32, 32, 32):
        raise _bad("not laid out as a bundle")
    if nbf_ms >= naf_ms:
        raise _bad("at no time valid")
    if not verify(ik, body, sig):
        raise _bad("not signed by the node that it names")
    return Bundle(
        body=body,
        sig=sig,
        ik=ik,
        ek=ek,
        epoch=epoch,
        nbf_ms=nbf_ms,
        naf_ms=naf_ms,
        previous=previous,
    )


def check_time(bundle: Bundle, now_ms: int) -> None:
    """Check that `bundle` is valid now, give or take `CLOCK_SKEW_MS`.

    Raises:
        TrustError: EXPIRED, when it is not yet, or no longer.
    """
    if now_ms + CLOCK_SKEW_MS < bundle.nbf_ms:
        raise TrustError(TrustCode.EXPIRED, "the node's bundle is not valid yet")
    if now_ms - CLOCK_SKEW_MS >= bundle.naf_ms:
        raise TrustError(TrustCode.EXPIRED, "the node's bundle is no longer valid")


def own_bytes(node: NodeId) -> bytes:
    """What an owner signs to say that `node` is theirs."""
    return _OWN_LABEL + node


def countersign(identity: Identity, node: NodeId) -> bytes:
    """Say as its owner that `node` is theirs: 64 bytes."""
    return identity.sign(own_bytes(node))


def is_owner(mk_pub: bytes, node: NodeId, sig: bytes) -> bool:
    """Tell whether the member whose key is `mk_pub` said that `node` is theirs."""
    return verify(mk_pub, own_bytes(node), sig)


def _bad(what: str) -> TrustError:
    return TrustError(TrustCode.BAD_BUNDLE, f"the node's bundle is {what}")
