"""Sealed requests and answers: clubai/e2e/1.

The client seals a head to the node's encryption key by HPKE; all that follows, in both
directions, is records (`records`) under keys that follow from it (`schedule`).
"""

from __future__ import annotations

import hmac
from secrets import token_bytes
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from clubai.crypto.binding import HEAD_SIZE, MAX_RECORDS, Binding, Head, undecryptable
from clubai.crypto.records import (
    MAX_DIRECTION_BYTES,
    MAX_RECORD_DATA,
    TAG_SIZE,
    TO_CLIENT,
    TO_NODE,
    RecordOpener,
    RecordSealer,
)
from clubai.crypto.schedule import ReplyKeys, reply_keys, request_keys, transcript_hash
from clubai.errors import LocalProtocolError, TrustError
from clubai.model import TrustCode

__all__ = [
    "COMMIT_SIZE",
    "ENC_HEAD_SIZE",
    "MAX_DIRECTION_BYTES",
    "MAX_RECORDS",
    "MAX_RECORD_DATA",
    "REPLY_HEADER_SIZE",
    "Binding",
    "ClientSeal",
    "Head",
    "NodeSeal",
    "RecordOpener",
    "RecordSealer",
    "ReplyOpener",
    "ReplySeal",
    "open_request",
    "seal_request",
]

ENC_HEAD_SIZE: Final = 32 + HEAD_SIZE + TAG_SIZE
COMMIT_SIZE: Final = 32
REPLY_HEADER_SIZE: Final = 96

_REQUEST_LABEL: Final = b"clubai/e2e/1 request"
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class ReplyOpener:
    """The client's end of an answer."""

    __slots__ = ("out_key", "records")

    def __init__(self, records: RecordOpener, out_key: bytes) -> None:
        self.records: Final = records
        self.out_key: Final = out_key
        """The key of the node's commitment to its output."""


class ClientSeal:
    """The client's end of one attempt: what to send, and how to open the answer."""

    __slots__ = (
        "_ephemeral",
        "_head",
        "_opened",
        "commit",
        "enc_head",
        "records",
        "th",
    )

    def __init__(
        self,
        binding_hash: bytes,
        head: Head,
        enc_head: bytes,
        ephemeral: X25519PrivateKey,
    ) -> None:
        self._head = head
        self._ephemeral = ephemeral
        self._opened = False
        self.enc_head: Final = enc_head
        """The sealed head, 176 bytes."""
        self.th: Final = transcript_hash(binding_hash, enc_head)
        """Names the attempt in attestation and verdict."""
        keys = request_keys(self.th, head.task_secret)
        self.commit: Final = keys.commit
        """The commitment to the keys of `records`, 32 bytes."""
        self.records: Final = RecordSealer(keys, context=self.th + TO_NODE)

    @property
    def cmp_key(self) -> bytes:
        """The key of the group's equality tags and sketches."""
        return self._head.cmp_key

    def open_reply(self, hdr: bytes) -> ReplyOpener:
        """Begin to open the answer whose header is `hdr`.

        Raises:
            TrustError: OPEN_FAILED, when no node that opened the head made it.
            LocalProtocolError: an answer is open already.
        """
        if self._opened:
            raise LocalProtocolError("a second answer to one attempt")
        if len(hdr) != REPLY_HEADER_SIZE:
            raise undecryptable()
        node_eph_pub, reply_nonce, commit = hdr[:32], hdr[32:64], hdr[64:]
        keys = reply_keys(
            self.th,
            node_eph_pub=node_eph_pub,
            reply_nonce=reply_nonce,
            task_secret=self._head.task_secret,
            dh=_exchange(self._ephemeral, node_eph_pub),
        )
        if not hmac.compare_digest(keys.direction.commit, commit):
            raise undecryptable()
        self._opened = True
        records = RecordOpener(
            keys.direction,
            context=self.th + TO_CLIENT,
            max_records=self._head.max_records,
        )
        return ReplyOpener(records, keys.out_key)


class ReplySeal:
    """The node's end of an answer."""

    __slots__ = ("hdr", "out_key", "records")

    def __init__(self, hdr: bytes, records: RecordSealer, out_key: bytes) -> None:
        self.hdr: Final = hdr
        """What the client needs to derive the keys, 96 bytes."""
        self.records: Final = records
        self.out_key: Final = out_key
        """The key of the node's commitment to its output."""


class NodeSeal:
    """The node's end of one attempt: the request's records, and how to answer."""

    __slots__ = ("_begun", "_hdr", "_keys", "head", "records", "th")

    def __init__(
        self,
        th: bytes,
        head: Head,
        records: RecordOpener,
        *,
        hdr: bytes,
        keys: ReplyKeys,
    ) -> None:
        self._hdr = hdr
        self._keys = keys
        self._begun = False
        self.th: Final = th
        """Names the attempt in attestation and verdict."""
        self.head: Final = head
        self.records: Final = records

    def begin_reply(self) -> ReplySeal:
        """Begin the one answer.

        Raises:
            LocalProtocolError: it is begun already.
        """
        if self._begun:
            raise LocalProtocolError("a second answer to one attempt")
        self._begun = True
        records = RecordSealer(
            self._keys.direction,
            context=self.th + TO_CLIENT,
            max_records=self.head.max_records,
        )
        return ReplySeal(self._hdr, records, self._keys.out_key)


def seal_request(
    binding: Binding,
    ek: bytes,
    *,
    cmp_key: bytes | None = None,
    flags: int = 0,
    max_records: int = MAX_RECORDS,
    flush_ms: int = 120,
) -> ClientSeal:
    """Seal a new attempt to the node's encryption key `ek`.

    Args:
        binding: What it is for.
        ek: The node's X25519 key, 32 bytes.
        cmp_key: The 32 bytes that the nodes of a consensus group share; drawn anew
            when there is none.
        flags: For the node, one byte.
        max_records: Most records that the answer may have.
        flush_ms: How long the node may hold back data, so that lengths tell less.

    Raises:
        TrustError: BAD_BUNDLE, when `ek` is no key that can be sealed to.
        LocalProtocolError: a number does not fit into the head.
    """
    ephemeral = X25519PrivateKey.generate()
    head = Head(
        flags=flags,
        task_secret=token_bytes(32),
        client_eph_pub=_public_bytes(ephemeral),
        cmp_key=token_bytes(32) if cmp_key is None else cmp_key,
        max_records=max_records,
        flush_ms=flush_ms,
    )
    plain, binding_hash = head.encode(), binding.hash()
    info = _REQUEST_LABEL + binding_hash
    try:
        enc_head = _SUITE.encrypt(plain, X25519PublicKey.from_public_bytes(ek), info)
    except ValueError:
        raise TrustError(
            TrustCode.BAD_BUNDLE, "nothing can be sealed to the node's encryption key"
        ) from None
    return ClientSeal(binding_hash, head, enc_head, ephemeral)


def open_request(
    binding: Binding, enc_head: bytes, commit: bytes, private_key: X25519PrivateKey
) -> NodeSeal:
    """Open the head of an attempt that was sealed to this node.

    Args:
        binding: What it is for, by what this node knows itself.
        enc_head: As the client sent it, as is `commit`.
        commit: The commitment to the keys of the request's records.
        private_key: Of the epoch that the binding's bundle is of.

    Raises:
        TrustError: OPEN_FAILED, whatever the reason.
    """
    if len(enc_head) != ENC_HEAD_SIZE:
        raise undecryptable()
    binding_hash = binding.hash()
    try:
        plain = _SUITE.decrypt(enc_head, private_key, _REQUEST_LABEL + binding_hash)
    except InvalidTag:
        raise undecryptable() from None
    head = Head.decode(plain)
    th = transcript_hash(binding_hash, enc_head)
    keys = request_keys(th, head.task_secret)
    if not hmac.compare_digest(keys.commit, commit):
        raise undecryptable()
    return _node_seal(th, head, RecordOpener(keys, context=th + TO_NODE))


def _node_seal(th: bytes, head: Head, records: RecordOpener) -> NodeSeal:
    # The answer's keys are drawn with the request's, so that a client whose ephemeral
    # key is of no use is refused before a node works for it.
    ephemeral, reply_nonce = X25519PrivateKey.generate(), token_bytes(32)
    node_eph_pub = _public_bytes(ephemeral)
    keys = reply_keys(
        th,
        node_eph_pub=node_eph_pub,
        reply_nonce=reply_nonce,
        task_secret=head.task_secret,
        dh=_exchange(ephemeral, head.client_eph_pub),
    )
    hdr = node_eph_pub + reply_nonce + keys.direction.commit
    return NodeSeal(th, head, records, hdr=hdr, keys=keys)


def _exchange(private_key: X25519PrivateKey, public_key: bytes) -> bytes:
    try:
        return private_key.exchange(X25519PublicKey.from_public_bytes(public_key))
    except ValueError:  # a point of low order: the secret would be known to all
        raise undecryptable() from None


def _public_bytes(private_key: X25519PrivateKey) -> bytes:
    return private_key.public_key().public_bytes_raw()
