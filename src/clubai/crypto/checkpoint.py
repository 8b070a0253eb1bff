"""What a log says it is: a C2SP checkpoint, which is a signed note. Pure.

```
ORIGIN
SIZE
ROOT (base64)

— ORIGIN base64(key id || signature)
```
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Final

import msgspec

from clubai.crypto.identity import SIGNATURE_SIZE, Identity, verify
from clubai.crypto.merkle import HASH_SIZE
from clubai.errors import TrustError
from clubai.model import TrustCode

MAX_NOTE_BYTES: Final = 65_536
_ED25519: Final = b"\x01"
_KEY_ID_SIZE: Final = 4
_DASH: Final = "\u2014 "
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,17}")
_ORIGIN: Final = re.compile(r"[^\s+\x00-\x1f]{1,256}")


class Checkpoint(msgspec.Struct, frozen=True):
    """A log with this many entries has this root."""

    origin: str
    """The log's own name; it stays the same as the log grows."""
    size: int
    root: bytes

    def __post_init__(self) -> None:
        good = self.size >= 0 and len(self.root) == HASH_SIZE
        if not (good and _ORIGIN.fullmatch(self.origin)):
            msg = f"{self.origin[:80]!r} with {self.size} entries is no checkpoint"
            raise ValueError(msg)

    @property
    def text(self) -> str:
        """What is signed."""
        root = base64.b64encode(self.root).decode("ascii")
        return f"{self.origin}\n{self.size}\n{root}\n"


def key_id(name: str, key: bytes) -> bytes:
    """What a signature line calls an Ed25519 key: 4 bytes."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + key).digest()[
        :_KEY_ID_SIZE
    ]


def sign_checkpoint(checkpoint: Checkpoint, identity: Identity) -> bytes:
    """The signed note; the key is named as the log is."""
    named = key_id(checkpoint.origin, identity.key)
    signature = named + identity.sign(checkpoint.text.encode())
    line = f"{_DASH}{checkpoint.origin} {base64.b64encode(signature).decode('ascii')}\n"
    return f"{checkpoint.text}\n{line}".encode()


def read_checkpoint(note: bytes, *, key: bytes) -> Checkpoint:
    """Read a signed note, whoever sent it, that `key` must have signed.

    Signatures of other keys, and lines after the root, are allowed and not looked at.

    Raises:
        TrustError: `LOG_FORK`; it is no checkpoint, or not one of this key.
    """
    text, signatures = _split(note)
    lines = text.split("\n")
    if len(lines) < 4 or not all(lines[:-1]):
        raise _refused("it is not an origin, a size and a root")
    origin, size, root_text, *_ = lines
    root = _unbase64(root_text)
    if not _ORIGIN.fullmatch(origin) or not _SIZE.fullmatch(size):
        raise _refused("its origin or its size cannot be")
    if root is None or len(root) != HASH_SIZE:
        raise _refused("its root is no hash")
    _check_signed(text.encode(), signatures, origin, key)
    return Checkpoint(origin, int(size), root)


def _split(note: bytes) -> tuple[str, list[str]]:
    if len(note) > MAX_NOTE_BYTES:
        raise _refused(f"it has more than {MAX_NOTE_BYTES} bytes")
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused("it is no text") from error
    if any(c < " " and c != "\n" for c in whole):
        raise _refused("it has control characters")
    text, blank, signed = whole.rpartition("\n\n")
    if not blank or not signed.endswith("\n"):
        raise _refused("it has no signature")
    return f"{text}\n", signed.removesuffix("\n").split("\n")


def _check_signed(text: bytes, lines: list[str], name: str, key: bytes) -> None:
    mine = [
        signature[_KEY_ID_SIZE:]
        for signature in (_signature_of(line, name) for line in lines)
        if signature is not None and signature[:_KEY_ID_SIZE] == key_id(name, key)
    ]
    if not mine:
        raise _refused("the club's key has not signed it")
    if not all(verify(key, text, signature) for signature in mine):
        raise _refused("the signature of the club's key does not hold")


def _signature_of(line: str, name: str) -> bytes | None:
    """The signature in a line, when the line is of a key with this name."""
    start, found, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not found or not start:
        raise _refused("a line of its signatures cannot be read")
    signature = _unbase64(encoded)
    if signature is None:
        raise _refused("a line of its signatures cannot be read")
    if start != name or len(signature) != _KEY_ID_SIZE + SIGNATURE_SIZE:
        return None
    return signature


def _unbase64(text: str) -> bytes | None:
    """What `text` is base64 of; None when that is not the one way to write it."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.b64encode(decoded).decode("ascii") == text else None


def _refused(reason: str) -> TrustError:
    return TrustError(
        TrustCode.LOG_FORK, f"the key log's checkpoint does not hold: {reason}"
    )
