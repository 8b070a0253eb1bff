"""Bundles of made-up nodes."""

from __future__ import annotations

from clubai.crypto.bundles import Bundle, read_bundle
from clubai.crypto.identity import Identity

DAY_MS = 86_400_000
START_MS = 1_800_000_000_000


def identity(name: str) -> Identity:
    return Identity(name.encode().ljust(32, b"-"))


def bundle(
    node: Identity | str,
    epoch: int = 0,
    *,
    nbf_ms: int | None = None,
    life_ms: int = 2 * DAY_MS,
    ek: bytes = b"e" * 32,
    previous: bytes | None = None,
) -> Bundle:
    """A node's bundle by the layout of the specification, signed by the node.

    By default it is valid from the start of its epoch, `epoch` days after `START_MS`.
    """
    signer = identity(node) if isinstance(node, str) else node
    begin = START_MS + epoch * DAY_MS if nbf_ms is None else nbf_ms
    before = (b"" if epoch == 0 else b"p" * 32) if previous is None else previous
    body = b"".join(
        (
            b"clubai/1 bundle",
            _lp(signer.key),
            _lp(ek),
            epoch.to_bytes(4, "big"),
            begin.to_bytes(8, "big"),
            (begin + life_ms).to_bytes(8, "big"),
            _lp(before),
        )
    )
    return read_bundle(body, signer.sign(body))


def _lp(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value
