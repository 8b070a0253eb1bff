"""Cuts what the club is told of itself to what one message holds.

How much there is to tell is not ours to say: a node names its models, and members
bring as many nodes as they like. The counts in `stats` stay whole.
"""

from __future__ import annotations

from typing import Final

import msgspec

from clubai.model import ClubSnapshot, ModelSnapshot
from clubai.protocol.codec import encode_value
from clubai.protocol.messages import MAX_MESSAGE_BYTES

MOST_BYTES: Final = MAX_MESSAGE_BYTES - 1024
_AIM: Final = 0.9

Told = ClubSnapshot | tuple[ModelSnapshot, ...]


def fitting(value: Told) -> msgspec.Raw:
    """Encode a snapshot; of one that is too long the lists are cut at their ends."""
    body = encode_value(value)
    while (size := len(bytes(body))) > MOST_BYTES:
        value = _cut(value, _AIM * MOST_BYTES / size)
        body = encode_value(value)
    return body


def _cut(value: Told, share: float) -> Told:
    if isinstance(value, tuple):
        return value[: int(len(value) * share)]
    return msgspec.structs.replace(
        value,
        models=value.models[: int(len(value.models) * share)],
        nodes=value.nodes[: int(len(value.nodes) * share)],
        tasks=value.tasks[: int(len(value.tasks) * share)],
    )
