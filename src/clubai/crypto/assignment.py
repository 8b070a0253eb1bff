"""The coordinator's signature under an assignment; what it says is read elsewhere."""

from __future__ import annotations

import hashlib
from typing import Final

from clubai.crypto.identity import Identity, verify
from clubai.errors import LocalProtocolError, TrustError
from clubai.model import TrustCode

ASSIGNMENT_LABEL: Final = b"clubai/1 assignment"
"""What every assignment's body begins with; msgpack follows."""


def sign_assignment(identity: Identity, body: bytes) -> bytes:
    """Sign the body of an assignment: 64 bytes.

    Raises:
        LocalProtocolError: it does not begin with `ASSIGNMENT_LABEL`.
    """
    if not body.startswith(ASSIGNMENT_LABEL):
        raise LocalProtocolError("not the body of an assignment")
    return identity.sign(body, known=True)


def verify_assignment(key: bytes, body: bytes, sig: bytes) -> None:
    """Check that the coordinator whose key is `key` signed `body`, as received.

    Raises:
        TrustError: BAD_ASSIGNMENT, when it did not, or it is no assignment.
    """
    if not body.startswith(ASSIGNMENT_LABEL):
        raise TrustError(TrustCode.BAD_ASSIGNMENT, "not the body of an assignment")
    if not verify(key, body, sig):
        raise TrustError(
            TrustCode.BAD_ASSIGNMENT, "the assignment is not signed by the coordinator"
        )


def assignment_hash(body: bytes) -> bytes:
    """SHA-256 of an assignment's body: what a request is bound to."""
    return hashlib.sha256(body).digest()
