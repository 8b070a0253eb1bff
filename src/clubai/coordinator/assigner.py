"""Signed assignments: what the coordinator vouches for when it gives out a part."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from clubai.core.commands import OfferTask
from clubai.crypto.assignment import sign_assignment
from clubai.crypto.binding import bind
from clubai.crypto.bundles import Bundle
from clubai.crypto.identity import Identity
from clubai.model import NodeId
from clubai.protocol.assignment import (
    LONGEST_MS,
    Assigned,
    Assignment,
    encode_assignment,
)
from clubai.protocol.messages import TaskOffer, TaskRequest


class NodeKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What a node's connection has proved about its keys."""

    bundle: Bundle
    boot: bytes


class Made(NamedTuple):
    """An assignment as it was signed."""

    offer: TaskOffer
    binding_hash: bytes
    """What the request must be sealed to."""
    cvk: bytes


class Assigner:
    """Makes and signs assignments.

    Args:
        identity: The coordinator's signing key.
        checkpoint: Gives the key log's signed checkpoint as it is now.
        own_sig: Gives the owner's countersignature of a node, or nothing.
        wall_ms: Unix milliseconds.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        checkpoint: Callable[[], bytes],
        own_sig: Callable[[NodeId], bytes],
        wall_ms: Callable[[], int],
    ) -> None:
        self._identity = identity
        self._checkpoint = checkpoint
        self._own_sig = own_sig
        self._wall_ms = wall_ms

    def offer(self, command: OfferTask, request: TaskRequest, node: NodeKeys) -> Made:
        """Tell a client which node it got, and sign it."""
        now_ms = self._wall_ms()
        lasts_ms = min(round(request.deadline_s * 1000), LONGEST_MS)
        assigned = Assigned(
            part=command.part,
            attempt=command.attempt,
            node=command.node,
            bundle=node.bundle.body,
            bundle_sig=node.bundle.sig,
            own_sig=self._own_sig(command.node),
            boot=node.boot,
            model=command.model,
            kind=command.kind,
            max_tokens=command.max_tokens,
            stream=command.stream,
            deadline_s=request.deadline_s,
        )
        assignment = Assignment(
            task=command.task,
            issued_ms=now_ms,
            expires_ms=now_ms + max(lasts_ms, 1),
            cvk=request.cvk,
            mode=request.mode,
            parts=(assigned,),
            checkpoint=self._checkpoint(),
        )
        body = encode_assignment(assignment)
        offer = TaskOffer(
            ref=command.ref,
            task=command.task,
            body=body,
            sig=sign_assignment(self._identity, body),
            node_name=command.node_name,
            queued_ms=command.queued_ms,
        )
        return Made(
            offer,
            binding_hash=bind(assignment, assigned, body).hash(),
            cvk=request.cvk,
        )
