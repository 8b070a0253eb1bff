"""What a node signs about its answer, and what a client signs about the node.

Attestation, 172 bytes, by the node's identity:
`"clubai/1 result" || th 32 || out_commit 32 || u32 prompt tokens || u32 output tokens
|| u32 ttft_ms || u32 total_ms || u8 finish || u32 records || u64 now_ms || eq 32 ||
SHA-256(sketch) 32`.

Verdict, 123 bytes, by the task's verdict key:
`"clubai/1 verdict" || th 32 || node id 32 || SHA-256(attestation) 32 || u8 value ||
u16 score_milli || u64 now_ms`.

Both are verified over the bytes as received.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from enum import IntEnum
from typing import Final

import msgspec

from clubai.crypto.identity import Identity, verify
from clubai.errors import LocalProtocolError, TrustError
from clubai.model import NodeId, TrustCode

_ATTESTATION_LABEL: Final = b"clubai/1 result"
_ATTESTATION: Final = struct.Struct(">15s32s32sIIIIBIQ32s32s")
_VERDICT_LABEL: Final = b"clubai/1 verdict"
_VERDICT: Final = struct.Struct(">16s32s32s32sBHQ")

ATTESTATION_SIZE: Final = _ATTESTATION.size
VERDICT_SIZE: Final = _VERDICT.size


class Finish(IntEnum):
    """Why an answer ended."""

    STOP = 0
    LENGTH = 1
    TOOL_CALLS = 2
    CONTENT_FILTER = 3
    OTHER = 4


class VerdictValue(IntEnum):
    """What a client says about an answer."""

    OK = 0
    UNDECRYPTABLE = 1
    TRUNCATED = 2
    MINORITY = 3
    KNOWN_ANSWER_WRONG = 4
    USELESS = 5


class Attestation(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says that it sent. Hashes are of 32 bytes, numbers u32."""

    th: bytes
    """Which attempt."""
    out_commit: bytes
    """`Commitment` to the output."""
    prompt_tokens: int
    output_tokens: int
    ttft_ms: int
    """From accepting it to the first token."""
    total_ms: int
    finish: Finish
    records: int
    """Of the answer, the final one counted."""
    now_ms: int
    """Unix time in milliseconds, u64."""
    eq: bytes
    """The equality tag."""
    sketch_hash: bytes
    """SHA-256 of the sketch."""

    def encode(self) -> bytes:
        """Lay it out, to be signed.

        Raises:
            LocalProtocolError: a field does not fit into its place.
        """
        hashes = (self.th, self.out_commit, self.eq, self.sketch_hash)
        return _pack(
            _ATTESTATION,
            hashes,
            _ATTESTATION_LABEL,
            self.th,
            self.out_commit,
            self.prompt_tokens,
            self.output_tokens,
            self.ttft_ms,
            self.total_ms,
            self.finish,
            self.records,
            self.now_ms,
            self.eq,
            self.sketch_hash,
        )


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of a node's answer. Hashes are of 32 bytes."""

    th: bytes
    """Which attempt."""
    node: NodeId
    attestation_hash: bytes
    """SHA-256 of the attestation's body; zeros when there was none."""
    value: VerdictValue
    score_milli: int
    """0 to 65535; 1000 is all that was hoped for."""
    now_ms: int
    """Unix time in milliseconds."""

    def encode(self) -> bytes:
        """Lay it out, to be signed.

        Raises:
            LocalProtocolError: a field does not fit into its place.
        """
        return _pack(
            _VERDICT,
            (self.th, self.node, self.attestation_hash),
            _VERDICT_LABEL,
            self.th,
            self.node,
            self.attestation_hash,
            self.value,
            self.score_milli,
            self.now_ms,
        )


class Commitment:
    """A node's commitment to its output, made while the output comes in."""

    __slots__ = ("_mac",)

    def __init__(self, out_key: bytes) -> None:
        self._mac = hmac.new(out_key, digestmod=hashlib.sha256)

    def update(self, output: bytes) -> None:
        """Add the next piece of output; where it is cut makes no difference."""
        self._mac.update(output)

    def digest(self) -> bytes:
        """The commitment to all output so far, 32 bytes."""
        return self._mac.digest()


def finish_of(reason: str) -> Finish:
    """The code of an OpenAI finish reason; OTHER for one that has none."""
    return Finish.__members__.get(reason.upper(), Finish.OTHER)


def read_attestation(body: bytes) -> Attestation:
    """Read an attestation; who signed it is for `verify_attestation`.

    Raises:
        TrustError: BAD_ATTESTATION, when it is none.
    """
    if len(body) != ATTESTATION_SIZE or not body.startswith(_ATTESTATION_LABEL):
        raise _bad("not an attestation")
    _, th, out, prompt, output, ttft, total, finish, records, now, eq, sketch = (
        _ATTESTATION.unpack(body)
    )
    if finish > Finish.OTHER:
        raise _bad("not an attestation")
    return Attestation(
        th=th,
        out_commit=out,
        prompt_tokens=prompt,
        output_tokens=output,
        ttft_ms=ttft,
        total_ms=total,
        finish=Finish(finish),
        records=records,
        now_ms=now,
        eq=eq,
        sketch_hash=sketch,
    )


def verify_attestation(ik: bytes, body: bytes, sig: bytes) -> Attestation:
    """Read an attestation that the node whose identity key is `ik` signed.

    Raises:
        TrustError: BAD_ATTESTATION, when it is none or another signed it.
    """
    attestation = read_attestation(body)
    if not verify(ik, body, sig):
        raise _bad("an attestation that is not signed by the node")
    return attestation


def read_verdict(body: bytes) -> Verdict:
    """Read a verdict; who signed it is for `verify_verdict`.

    Raises:
        TrustError: BAD_ATTESTATION, when it is none.
    """
    if len(body) != VERDICT_SIZE or not body.startswith(_VERDICT_LABEL):
        raise _bad("not a verdict")
    _, th, node, attestation, value, score, now = _VERDICT.unpack(body)
    if value > VerdictValue.USELESS:
        raise _bad("not a verdict")
    return Verdict(
        th=th,
        node=NodeId(node),
        attestation_hash=attestation,
        value=VerdictValue(value),
        score_milli=score,
        now_ms=now,
    )


def verify_verdict(cvk: bytes, body: bytes, sig: bytes) -> Verdict:
    """Read a verdict that whoever has the task's verdict key signed.

    Raises:
        TrustError: BAD_ATTESTATION, when it is none or another signed it.
    """
    verdict = read_verdict(body)
    if not verify(cvk, body, sig):
        raise _bad("a verdict that is not signed by the task's client")
    return verdict


def new_verdict_key() -> Identity:
    """Draw the key that signs one task's verdicts; its `key` is the task's cvk."""
    return Identity.generate()


def _pack(layout: struct.Struct, hashes: tuple[bytes, ...], *fields: object) -> bytes:
    # struct would cut or fill a hash of another size without a word.
    if any(len(hash_) != 32 for hash_ in hashes):
        raise LocalProtocolError("a hash of another size than 32 bytes")
    try:
        return layout.pack(*fields)
    except struct.error as error:
        raise LocalProtocolError(f"a number does not fit: {error}") from error


def _bad(what: str) -> TrustError:
    return TrustError(TrustCode.BAD_ATTESTATION, what)
