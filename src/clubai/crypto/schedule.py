"""The key schedule: how every key of an attempt follows from two secrets.

```
th             = SHA-256("clubai/e2e/1 th" || bh || enc_head)
request keys   = Expand(Extract(salt = th, task_secret), "clubai/e2e/1 c2n", 76)
rh             = SHA-256("clubai/e2e/1 rh" || th || node's ephemeral key || reply nonce)
reply keys     = Expand(Extract(salt = rh, task_secret || dh), "clubai/e2e/1 n2c", 76)
output key     = Expand(the same,                              "clubai/e2e/1 out", 32)
```

76 bytes are a key of 32, an IV of 12 and a commitment of 32: AES-GCM alone does not
commit to its key.
"""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from clubai.model import Redacted

_TH_LABEL: Final = b"clubai/e2e/1 th"
_RH_LABEL: Final = b"clubai/e2e/1 rh"
_REQUEST_LABEL: Final = b"clubai/e2e/1 c2n"
_REPLY_LABEL: Final = b"clubai/e2e/1 n2c"
_OUTPUT_LABEL: Final = b"clubai/e2e/1 out"
_KEYS_SIZE: Final = 32 + 12 + 32


class DirectionKeys(Redacted, frozen=True):
    """What seals the records of one direction, and the commitment to it."""

    key: bytes
    iv: bytes
    commit: bytes

    def __repr__(self) -> str:
        return "<DirectionKeys>"


class ReplyKeys(Redacted, frozen=True):
    """The answer's direction, and the key of the node's commitment to its output."""

    direction: DirectionKeys
    out_key: bytes

    def __repr__(self) -> str:
        return "<ReplyKeys>"


def transcript_hash(binding_hash: bytes, enc_head: bytes) -> bytes:
    """`th`: names the attempt, with its sealed head; 32 bytes."""
    return hashlib.sha256(_TH_LABEL + binding_hash + enc_head).digest()


def request_keys(th: bytes, task_secret: bytes) -> DirectionKeys:
    """The keys from client to node."""
    return _direction(HKDF.extract(SHA256(), th, task_secret), _REQUEST_LABEL)


def reply_keys(
    th: bytes, *, node_eph_pub: bytes, reply_nonce: bytes, task_secret: bytes, dh: bytes
) -> ReplyKeys:
    """The keys from node to client; `dh` is of the two ephemeral keys."""
    rh = hashlib.sha256(_RH_LABEL + th + node_eph_pub + reply_nonce).digest()
    prk = HKDF.extract(SHA256(), rh, task_secret + dh)
    return ReplyKeys(_direction(prk, _REPLY_LABEL), _expand(prk, _OUTPUT_LABEL, 32))


def _direction(prk: bytes, label: bytes) -> DirectionKeys:
    material = _expand(prk, label, _KEYS_SIZE)
    return DirectionKeys(material[:32], material[32:44], material[44:])


def _expand(prk: bytes, label: bytes, length: int) -> bytes:
    return HKDFExpand(SHA256(), length=length, info=label).derive(prk)
