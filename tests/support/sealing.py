"""The known-answer vectors of clubai/e2e/1, and what they are built from."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from clubai.crypto.binding import Binding, Head
from clubai.crypto.identity import Identity
from clubai.crypto.sealing import ClientSeal, NodeSeal, open_request

PATH: Final = Path(__file__).parent.parent / "vectors" / "e2e-1.json"


@lru_cache
def vectors() -> dict[str, Any]:
    return json.loads(PATH.read_text())  # type: ignore[no-any-return]


def vector(*path: str | int) -> bytes:
    """The bytes at `path`, which are written as hex."""
    found: Any = vectors()
    for step in path:
        found = found[step]
    return bytes.fromhex(found)


def vector_binding(**changes: Any) -> Binding:
    inputs = vectors()["inputs"]
    fields: dict[str, Any] = {
        "task": vector("inputs", "task"),
        "part": inputs["part"],
        "attempt": inputs["attempt"],
        "node": vector("bundle", "node_id"),
        "bundle_hash": vector("bundle", "sha256"),
        "boot": vector("inputs", "boot"),
        "model": inputs["model"],
        "mode": inputs["mode"],
        "cvk": Identity(vector("keys", "client_verdict_seed")).key,
        "assignment_hash": vector("inputs", "assignment_sha256"),
        "issued_ms": inputs["issued_ms"],
        "expires_ms": inputs["expires_ms"],
    }
    return Binding(**fields | changes)


def private_key(name: str) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(vector("keys", name))


def node_private_key() -> X25519PrivateKey:
    return private_key("node_encryption_private")


def vector_client() -> ClientSeal:
    """The client's end of the vectors' attempt."""
    return ClientSeal(
        vector_binding().hash(),
        Head.decode(vector("request", "head")),
        vector("request", "enc_head"),
        private_key("client_ephemeral_private"),
    )


def vector_node() -> NodeSeal:
    """The node's end of the vectors' attempt; its answers are of other keys."""
    return open_request(
        vector_binding(),
        vector("request", "enc_head"),
        vector("request", "c2n_commit"),
        node_private_key(),
    )
