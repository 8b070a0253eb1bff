"""Bundles of made-up nodes."""

from __future__ import annotations

from clubai.crypto.bundles import NO_PREVIOUS, Bundle, make_bundle
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
    ek: bytes = b"e" * 32,
) -> Bundle:
    """A node's bundle, valid for two days.

    By default from the start of its epoch, `epoch` days after `START_MS`.
    """
    signer = identity(node) if isinstance(node, str) else node
    begin = START_MS + epoch * DAY_MS if nbf_ms is None else nbf_ms
    return make_bundle(
        signer,
        ek,
        epoch=epoch,
        nbf_ms=begin,
        naf_ms=begin + 2 * DAY_MS,
        previous=b"p" * 32 if epoch else NO_PREVIOUS,
    )
