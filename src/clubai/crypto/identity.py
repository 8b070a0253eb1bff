"""Who says something: Ed25519 identities, the ids that follow from them, signatures.

A signature that was found good is not checked again for the very same key and bytes: a
node's bundle comes with each assignment, and the gateway in a coordinator's process
reads what the coordinator has just checked.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from secrets import token_bytes
from typing import Final, Self

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from clubai.crypto import keyfiles
from clubai.model import NodeId, node_nickname

KEY_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64

REMEMBERED: Final = 1024
"""The last good signatures that are known for certain; never twice as many."""

_NODE_ID_LABEL: Final = b"clubai/1 node-id"


class _Good:
    """Which signatures are good, as hashes of key, signature and message."""

    __slots__ = ("_before", "_now")

    def __init__(self) -> None:
        self._now: set[bytes] = set()
        self._before: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._now) + len(self._before)

    def knows(self, digest: bytes) -> bool:
        if digest in self._now:
            return True
        if digest in self._before:
            self.add(digest)
            return True
        return False

    def add(self, digest: bytes) -> None:
        self._now.add(digest)
        if len(self._now) >= REMEMBERED:
            self._before, self._now = self._now, set()


_good: Final = _Good()


class Identity:
    """A key pair that signs. Its file holds the 32 bytes that it is made from."""

    def __init__(self, seed: bytes) -> None:
        self._signing_key = SigningKey(seed)
        self.key: Final = bytes(self._signing_key.verify_key)
        """The public half, 32 bytes."""
        self.node_id: Final = node_id(self.key)

    @classmethod
    def generate(cls) -> Self:
        """Make a new one, kept nowhere."""
        return cls(_new_seed())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the one at `path`; raises as `keyfiles.load`."""
        return cls(keyfiles.load(path, size=KEY_SIZE))

    @classmethod
    def load_or_create(cls, path: Path) -> Self:
        """Read the one at `path` or make it; raises as `keyfiles.load_or_create`."""
        return cls(keyfiles.load_or_create(path, _new_seed, size=KEY_SIZE))

    def sign(self, message: bytes, *, known: bool = False) -> bytes:
        """Sign `message`, which begins with what kind of thing it is: 64 bytes.

        With `known`, `verify` knows the signature: for what this process reads, too.
        """
        signature = self._signing_key.sign(message).signature
        if known:
            _good.add(_digest(self.key, message, signature))
        return signature

    def __repr__(self) -> str:
        return f"<Identity {node_nickname(self.node_id)}>"


@lru_cache(maxsize=REMEMBERED)
def node_id(key: bytes) -> NodeId:
    """The id of the node whose public key this is."""
    return NodeId(hashlib.sha256(_NODE_ID_LABEL + key).digest())


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether the owner of `key` signed `message`; False for malformed input."""
    if len(key) != KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        return False
    digest = _digest(key, message, signature)
    if _good.knows(digest):
        return True
    try:
        VerifyKey(key).verify(message, signature)
    except BadSignatureError:
        return False
    _good.add(digest)
    return True


def _digest(key: bytes, message: bytes, signature: bytes) -> bytes:
    return hashlib.sha256(key + signature + message).digest()


def _new_seed() -> bytes:
    return token_bytes(KEY_SIZE)
