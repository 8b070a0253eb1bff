"""The byte layouts that a sealed request hangs on: what it is bound to, and its head.

All integers are big-endian. `lp(x)` is the length of x as u32, then x.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final, Protocol, Self

import msgspec

from clubai.errors import LocalProtocolError, TrustError
from clubai.model import Redacted, TrustCode

MAX_RECORDS: Final = 1 << 20
"""Most records in one direction of one attempt."""

HEAD_SIZE: Final = 128

_SUITE: Final = bytes.fromhex("002000010002")
"""HPKE: X25519, HKDF-SHA256, AES-256-GCM."""
_BIND_LABEL: Final = b"clubai/e2e/1 bind"
_VERSION: Final = 1
_HEAD: Final = struct.Struct(">BBH32s32s32sIH22s")
_ZEROS: Final = bytes(22)
_SIZES: Final = {
    "task": 16,
    "node": 32,
    "bundle_hash": 32,
    "boot": 16,
    "cvk": 32,
    "assignment_hash": 32,
}
_IN_THEIR_ORDER: Final = tuple(_SIZES.values())
_WIDTHS: Final = {
    "part": 16,
    "attempt": 16,
    "mode": 8,
    "issued_ms": 64,
    "expires_ms": 64,
}
_TO_THE_MODEL: Final = struct.Struct(">I16sIHHI32sI32sI16s")
_FROM_THE_MODE: Final = struct.Struct(">IBI32sI32sIQQ")


def lp(data: bytes) -> bytes:
    """`data` behind its length, so that two of them in a row cannot be mistaken."""
    return len(data).to_bytes(4) + data


_BEFORE_ALL: Final = _BIND_LABEL + lp(_SUITE)


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """What a sealed request is for. Opened for anything else, it does not open.

    Raises:
        TrustError: BAD_ASSIGNMENT, when a field does not fit into its place.
    """

    task: bytes
    """16 bytes."""
    part: int
    attempt: int
    node: bytes
    """Node id, 32 bytes."""
    bundle_hash: bytes
    """SHA-256 of the body of the bundle whose key it is sealed to."""
    boot: bytes
    """The node's process, 16 bytes."""
    model: str
    mode: int
    """0 single, 1 consensus, 2 subtasks, 3 context."""
    cvk: bytes
    """The public half of the key that signs the task's verdicts, 32 bytes."""
    assignment_hash: bytes
    """SHA-256 of the assignment's body."""
    issued_ms: int
    """Unix time in milliseconds, as is `expires_ms`."""
    expires_ms: int

    def __post_init__(self) -> None:
        sizes = (
            len(self.task),
            len(self.node),
            len(self.bundle_hash),
            len(self.boot),
            len(self.cvk),
            len(self.assignment_hash),
        )
        if not (
            sizes == _IN_THEIR_ORDER
            and 0 <= self.part < 1 << 16
            and 0 <= self.attempt < 1 << 16
            and 0 <= self.mode < 1 << 8
            and 0 <= self.issued_ms < 1 << 64
            and 0 <= self.expires_ms < 1 << 64
        ):
            raise _unfit(self._misfit())

    def _misfit(self) -> str:
        for field, size in _SIZES.items():
            if len(getattr(self, field)) != size:
                return field
        return next(
            field
            for field, width in _WIDTHS.items()
            if not 0 <= getattr(self, field) < 1 << width
        )

    def hash(self) -> bytes:
        """SHA-256 over all of it, each field behind its length; 32 bytes."""
        before = _TO_THE_MODEL.pack(
            *(16, self.task, 4, self.part, self.attempt),
            *(32, self.node, 32, self.bundle_hash, 16, self.boot),
        )
        model = lp(self.model.encode(errors="surrogatepass"))
        after = _FROM_THE_MODE.pack(
            *(1, self.mode, 32, self.cvk, 32, self.assignment_hash),
            *(16, self.issued_ms, self.expires_ms),
        )
        return hashlib.sha256(_BEFORE_ALL + before + model + after).digest()


class SignedAssignment(Protocol):
    """What a binding takes from an assignment."""

    @property
    def task(self) -> bytes:
        """16 bytes."""

    @property
    def cvk(self) -> bytes:
        """32 bytes."""

    @property
    def issued_ms(self) -> int:
        """Unix time in milliseconds."""

    @property
    def expires_ms(self) -> int:
        """Unix time in milliseconds."""

    @property
    def mode_number(self) -> int:
        """As `Binding.mode`."""


class AssignedPart(Protocol):
    """What a binding takes from one part of an assignment."""

    @property
    def part(self) -> int:
        """The part's number."""

    @property
    def attempt(self) -> int:
        """The attempt's number."""

    @property
    def node(self) -> bytes:
        """Node id, 32 bytes."""

    @property
    def bundle(self) -> bytes:
        """The body of the node's bundle."""

    @property
    def boot(self) -> bytes:
        """16 bytes."""

    @property
    def model(self) -> str:
        """The model's name."""


def bind(assignment: SignedAssignment, part: AssignedPart, body: bytes) -> Binding:
    """Bind to one part of an assignment whose signed bytes are `body`.

    Raises:
        TrustError: BAD_ASSIGNMENT, when a field does not fit into its place.
    """
    return Binding(
        task=assignment.task,
        part=part.part,
        attempt=part.attempt,
        node=part.node,
        bundle_hash=hashlib.sha256(part.bundle).digest(),
        boot=part.boot,
        model=part.model,
        mode=assignment.mode_number,
        cvk=assignment.cvk,
        assignment_hash=hashlib.sha256(body).digest(),
        issued_ms=assignment.issued_ms,
        expires_ms=assignment.expires_ms,
    )


class Head(Redacted, frozen=True, kw_only=True):
    """What only the node may read: the secrets that all other keys follow from."""

    flags: int
    task_secret: bytes
    client_eph_pub: bytes
    cmp_key: bytes
    """The key of this group's equality tags and sketches."""
    max_records: int
    """Most records in the answer."""
    flush_ms: int
    """How long the node may hold back an answer's data."""

    def __repr__(self) -> str:
        return f"<Head of at most {self.max_records} records>"

    def encode(self) -> bytes:
        """Lay it out in 128 bytes.

        Raises:
            LocalProtocolError: a field does not fit into its place.
        """
        secrets = (self.task_secret, self.client_eph_pub, self.cmp_key)
        if any(len(secret) != 32 for secret in secrets):
            raise LocalProtocolError("a key of the head is not of 32 bytes")
        if not 1 <= self.max_records <= MAX_RECORDS:
            raise LocalProtocolError(f"max_records: not within 1 to {MAX_RECORDS}")
        if not 0 <= self.flags < 1 << 8 or not 0 <= self.flush_ms < 1 << 16:
            raise LocalProtocolError("flags or flush_ms: below 0 or too large")
        return _HEAD.pack(
            _VERSION,
            self.flags,
            0,
            self.task_secret,
            self.client_eph_pub,
            self.cmp_key,
            self.max_records,
            self.flush_ms,
            _ZEROS,
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read it back.

        Raises:
            TrustError: OPEN_FAILED, when it is no head of this version.
        """
        if len(data) != HEAD_SIZE:
            raise undecryptable()
        version, flags, reserved, secret, eph, cmp_key, most, flush, rest = (
            _HEAD.unpack(data)
        )
        if version != _VERSION or reserved != 0 or rest != _ZEROS:
            raise undecryptable()
        if not 1 <= most <= MAX_RECORDS:
            raise undecryptable()
        return cls(
            flags=flags,
            task_secret=secret,
            client_eph_pub=eph,
            cmp_key=cmp_key,
            max_records=most,
            flush_ms=flush,
        )


def undecryptable() -> TrustError:
    """Say of anything sealed that it does not open, and no more than that."""
    return TrustError(TrustCode.OPEN_FAILED, "sealed to another key, or altered")


def _unfit(field: str) -> TrustError:
    return TrustError(
        TrustCode.BAD_ASSIGNMENT,
        f"{field} of the assignment does not fit into its place",
    )
