"""Who says something: Ed25519 identities, the ids that follow from them, signatures."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final, Self

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from clubai.crypto import keyfiles
from clubai.model import NodeId, node_nickname

KEY_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64

_NODE_ID_LABEL: Final = b"clubai/1 node-id"


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

    def sign(self, message: bytes) -> bytes:
        """Sign `message`, which begins with what kind of thing it is: 64 bytes."""
        return self._signing_key.sign(message).signature

    def __repr__(self) -> str:
        return f"<Identity {node_nickname(self.node_id)}>"


def node_id(key: bytes) -> NodeId:
    """The id of the node whose public key this is."""
    return NodeId(hashlib.sha256(_NODE_ID_LABEL + key).digest())


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether the owner of `key` signed `message`; False for malformed input."""
    if len(key) != KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        return False
    try:
        VerifyKey(key).verify(message, signature)
    except BadSignatureError:
        return False
    return True


def _new_seed() -> bytes:
    return bytes(SigningKey.generate())
