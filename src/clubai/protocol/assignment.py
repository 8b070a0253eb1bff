"""The assignment: what the coordinator signs when it gives a part to a node.

Its bytes are `LABEL` and one msgpack map. They are signed, hashed and bound into the
sealed request as they came, never as they would be encoded again.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from clubai.errors import RemoteProtocolError
from clubai.model import MODE_NUMBERS, Kind, Mode
from clubai.protocol.decoding import UNREADABLE
from clubai.protocol.messages import (
    U16,
    U32,
    U63,
    Bytes32,
    Bytes64,
    CloseCode,
    Id16,
    Name,
    Seconds,
)

LABEL: Final = b"clubai/1 assignment"
LONGEST_MS: Final = 600_000
"""An assignment is good for opening a request for at most so long."""
MAX_BUNDLE_BYTES: Final = 512
MAX_CHECKPOINT_BYTES: Final = 4096


class Assigned(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a task, and the node that takes it."""

    part: U16 = 0
    attempt: U16 = 0
    node: Bytes32
    bundle: Annotated[bytes, Meta(max_length=MAX_BUNDLE_BYTES)]
    """The body of the node's bundle: its identity key and its encryption key."""
    bundle_sig: Bytes64
    own_sig: Annotated[bytes, Meta(max_length=64)] = b""
    """The owner's countersignature of the node, if there is one."""
    boot: Id16
    """Of the node's process: a request that is sealed to it dies with it."""
    model: Name
    kind: Kind
    max_tokens: U32
    stream: bool
    deadline_s: Seconds
    """How long the part may take, from the assignment."""


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """What the coordinator signs."""

    version: int = 1
    task: Id16
    issued_ms: U63
    expires_ms: U63
    cvk: Bytes32
    """The client's verdict key for this task: whose verdicts count."""
    mode: Mode
    parts: Annotated[tuple[Assigned, ...], Meta(min_length=1, max_length=64)]
    checkpoint: Annotated[bytes, Meta(max_length=MAX_CHECKPOINT_BYTES)] = b""
    """The key log's signed checkpoint at this moment."""

    @property
    def mode_number(self) -> int:
        """The mode as the sealed request binds it."""
        return MODE_NUMBERS[self.mode]

    def find(self, part: int, attempt: int) -> Assigned | None:
        """The part with these numbers."""
        for assigned in self.parts:
            if (assigned.part, assigned.attempt) == (part, attempt):
                return assigned
        return None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Assignment)


def encode_assignment(assignment: Assignment) -> bytes:
    """The bytes that are signed."""
    return LABEL + _encoder.encode(assignment)


def decode_assignment(body: bytes) -> Assignment:
    """Read the bytes that were signed. Raises `RemoteProtocolError`."""
    if not body.startswith(LABEL):
        raise _unreadable("it does not begin as one")
    try:
        assignment = _decoder.decode(memoryview(body)[len(LABEL) :])
    except UNREADABLE as error:
        raise _unreadable(str(error)) from error
    if assignment.version != 1:
        raise _unreadable(f"its version is {assignment.version}")
    return assignment


def _unreadable(reason: str) -> RemoteProtocolError:
    return RemoteProtocolError(
        CloseCode.BAD_MESSAGE, f"an assignment cannot be read: {reason}"
    )
