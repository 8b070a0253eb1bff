"""What a malicious coordinator does, one lie at a time; see `liar`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from msgspec.structs import replace

from clubai.client.client import wall_clock_ms
from clubai.crypto.bundles import make_bundle
from clubai.crypto.identity import Identity
from clubai.model import FailCode, TrustCode
from clubai.protocol.messages import (
    Message,
    TaskAssign,
    TaskOffer,
    TaskRecord,
    TaskReply,
    TaskResult,
)
from support.liar import Change, Liar, LiedToNode
from support.sealed_peers import PlayedNode, attested

M = TypeVar("M", bound=Message)
Lie = Callable[[Liar, LiedToNode], Change]

DAY_MS = 86_400_000


def only(kind: type[M], change: Callable[[M], Iterable[Message]]) -> Change:
    """Change the messages of one kind."""
    return lambda message: change(message) if isinstance(message, kind) else [message]


def in_offer(**changes: object) -> Lie:
    """Sign something else than what was asked for."""

    def lie(liar: Liar, _: LiedToNode) -> Change:
        return only(TaskOffer, lambda offer: [liar.resign(offer, **changes)])

    return lie


def other_keys(liar: Liar, _: LiedToNode) -> Change:
    """Its own keys, under the id of the node."""
    own = PlayedNode().bundle
    changes = {"bundle": own.body, "bundle_sig": own.sig}
    return only(TaskOffer, lambda offer: [liar.resign(offer, **changes)])


def unsigned_keys(liar: Liar, node: LiedToNode) -> Change:
    """Its own encryption key in the node's bundle; the signature is left as it was."""
    own = PlayedNode(node.identity).bundle
    return only(TaskOffer, lambda offer: [liar.resign(offer, bundle=own.body)])


def own_node(liar: Liar, _: LiedToNode) -> Change:
    """A node that it made up, with all that belongs to it but an entry in the log."""
    own = PlayedNode()
    changes = {
        "node": own.identity.node_id,
        "bundle": own.bundle.body,
        "bundle_sig": own.bundle.sig,
        "boot": own.boot,
    }
    return only(TaskOffer, lambda offer: [liar.resign(offer, **changes)])


def older_keys(liar: Liar, node: LiedToNode) -> Change:
    """What the node signed a day ago, and what is still valid."""
    now_ms = wall_clock_ms()
    old = make_bundle(
        node.identity,
        PlayedNode().bundle.ek,
        epoch=0,
        nbf_ms=now_ms - DAY_MS,
        naf_ms=now_ms + DAY_MS,
    )
    changes = {"bundle": old.body, "bundle_sig": old.sig}
    return only(TaskOffer, lambda offer: [liar.resign(offer, **changes)])


def unsigned_offer(_: Liar, __: LiedToNode) -> Change:
    mallory = Identity.generate()
    return only(
        TaskOffer,
        lambda offer: [replace(offer, sig=mallory.sign(offer.body))],
    )


def of_long_ago(liar: Liar, _: LiedToNode) -> Change:
    then = wall_clock_ms() - 3_600_000
    changes = {"issued_ms": then, "expires_ms": then + 60_000}
    return only(TaskOffer, lambda offer: [liar.resign(offer, **changes)])


def offered_twice(_: Liar, __: LiedToNode) -> Change:
    return only(TaskOffer, lambda offer: [offer, offer])


def unsigned_checkpoint(liar: Liar, _: LiedToNode) -> Change:
    return in_offer(checkpoint=b"clubai/x\n1\nroot\n\n")(liar, _)


BEFORE_SEALING: dict[str, tuple[Lie, TrustCode]] = {
    "other keys": (other_keys, TrustCode.BAD_BUNDLE),
    "unsigned keys": (unsigned_keys, TrustCode.BAD_BUNDLE),
    "a node of its own": (own_node, TrustCode.NOT_IN_LOG),
    "older keys": (older_keys, TrustCode.EPOCH_ROLLBACK),
    "another model": (in_offer(model="cheaper"), TrustCode.WRONG_ASSIGNMENT),
    "a limit": (in_offer(max_tokens=1), TrustCode.WRONG_ASSIGNMENT),
    "another kind": (in_offer(kind="completion"), TrustCode.WRONG_ASSIGNMENT),
    "its verdict key": (in_offer(cvk=b"k" * 32), TrustCode.WRONG_ASSIGNMENT),
    "another mode": (in_offer(mode="consensus"), TrustCode.WRONG_ASSIGNMENT),
    "not signed": (unsigned_offer, TrustCode.BAD_ASSIGNMENT),
    "of long ago": (of_long_ago, TrustCode.EXPIRED),
    "twice": (offered_twice, TrustCode.REPLAYED),
    "no checkpoint": (unsigned_checkpoint, TrustCode.LOG_FORK),
}


class Kept:
    """What one answer is made of, held back until its end."""

    def __init__(self, rearrange: Callable[[list[Message]], Iterable[Message]]) -> None:
        self._rearrange = rearrange
        self._held: list[Message] = []

    def __call__(self, message: Message) -> Iterable[Message]:
        if not isinstance(message, (TaskReply, TaskRecord, TaskResult)):
            return [message]
        self._held.append(message)
        if not isinstance(message, TaskResult):
            return []
        held, self._held = self._held, []
        assert [type(each) for each in held[:2]] == [TaskReply, TaskRecord]
        assert len(held) >= 5, "too few records for this lie"
        return self._rearrange(held)


def rearranged(rearrange: Callable[[list[Message]], Iterable[Message]]) -> Lie:
    return lambda _liar, _node: Kept(rearrange)


def altered_record(liar: Liar, node: LiedToNode) -> Change:
    def alter(record: TaskRecord) -> list[Message]:
        return [replace(record, ct=flipped(record.ct, 3))]

    return only(TaskRecord, alter)


def forged_final(liar: Liar, node: LiedToNode) -> Change:
    return only(TaskRecord, lambda record: [replace(record, fin=True)])


def reflected(liar: Liar, node: LiedToNode) -> Change:
    """The client's own records in place of the node's."""

    def reflect(_: Message) -> Iterable[Message]:
        return [liar.said_by_client(TaskRecord)[-1]]

    return only(TaskRecord, reflect)


def own_answer_keys(liar: Liar, node: LiedToNode) -> Change:
    return only(TaskReply, lambda reply: [replace(reply, hdr=b"\x09" * 96)])


def altered_attestation(liar: Liar, node: LiedToNode) -> Change:
    """More tokens than the node signed."""
    return only(
        TaskResult,
        lambda result: [replace(result, body=flipped(result.body, 82))],
    )


def signed_by_another_node(liar: Liar, node: LiedToNode) -> Change:
    """The same attestation, signed by a node of its own."""
    own = Identity.generate()
    return only(
        TaskResult,
        lambda result: [replace(result, sig=own.sign(result.body))],
    )


def another_nodes_attestation(liar: Liar, node: LiedToNode) -> Change:
    def swap(result: TaskResult) -> Iterable[Message]:
        other = attested(result.task)
        return [replace(result, body=other.body, sig=other.sig)]

    return only(TaskResult, swap)


def earlier_attestation(liar: Liar, node: LiedToNode) -> Change:
    """Of the same node, about the answer before."""

    def swap(result: TaskResult) -> Iterable[Message]:
        before = liar.said_by_node(TaskResult)[0]
        return [replace(result, body=before.body, sig=before.sig)]

    return only(TaskResult, swap)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


ANSWERS: dict[str, tuple[Lie, TrustCode]] = {
    "another order": (
        rearranged(lambda m: [m[0], m[2], m[1], *m[3:]]),
        TrustCode.OUT_OF_ORDER,
    ),
    "one twice": (rearranged(lambda m: [*m[:2], *m[1:]]), TrustCode.OUT_OF_ORDER),
    "one left out": (rearranged(lambda m: [m[0], *m[2:]]), TrustCode.OUT_OF_ORDER),
    "no beginning": (rearranged(lambda m: m[1:]), TrustCode.OUT_OF_ORDER),
    "two beginnings": (rearranged(lambda m: [m[0], *m]), TrustCode.OUT_OF_ORDER),
    "after its end": (rearranged(lambda m: [*m[:-1], m[1]]), TrustCode.OUT_OF_ORDER),
    "cut short": (rearranged(lambda m: [*m[:2], m[-1]]), TrustCode.TRUNCATED),
    "no final record": (rearranged(lambda m: [*m[:-2], m[-1]]), TrustCode.TRUNCATED),
    "nothing but its end": (rearranged(lambda m: m[-1:]), TrustCode.TRUNCATED),
    "an altered record": (altered_record, TrustCode.BAD_RECORD),
    "a forged final": (forged_final, TrustCode.BAD_RECORD),
    "a reflection": (reflected, TrustCode.BAD_RECORD),
    "keys of its own": (own_answer_keys, TrustCode.OPEN_FAILED),
    "an altered attestation": (altered_attestation, TrustCode.BAD_ATTESTATION),
    "another signature": (signed_by_another_node, TrustCode.BAD_ATTESTATION),
    "another attestation": (another_nodes_attestation, TrustCode.BAD_ATTESTATION),
    "an earlier attestation": (earlier_attestation, TrustCode.BAD_ATTESTATION),
}


def another_model(liar: Liar) -> Change:
    return only(TaskAssign, lambda assign: [liar.resign(assign, model="cheaper")])


def another_nodes(liar: Liar) -> Change:
    other = PlayedNode()
    changes = {"node": other.identity.node_id}
    return only(TaskAssign, lambda assign: [liar.resign(assign, **changes)])


def not_signed(liar: Liar) -> Change:
    mallory = Identity.generate()
    return only(
        TaskAssign,
        lambda assign: [replace(assign, sig=mallory.sign(assign.body))],
    )


def earlier_process(liar: Liar) -> Change:
    return only(TaskAssign, lambda assign: [liar.resign(assign, boot=b"x" * 16)])


def other_key_than_the_nodes(liar: Liar) -> Change:
    own = PlayedNode().bundle
    changes = {"bundle": own.body, "bundle_sig": own.sig}
    return only(TaskAssign, lambda assign: [liar.resign(assign, **changes)])


def of_yesterday(liar: Liar) -> Change:
    changes = {"issued_ms": wall_clock_ms() - DAY_MS}
    return only(TaskAssign, lambda assign: [liar.resign(assign, **changes)])


def of_another_task(liar: Liar) -> Change:
    return only(TaskAssign, lambda assign: [liar.resign(assign, task=b"o" * 16)])


def another_head(liar: Liar) -> Change:
    return only(
        TaskAssign,
        lambda assign: [replace(assign, enc_head=flipped(assign.enc_head, 99))],
    )


def altered_request(liar: Liar) -> Change:
    return altered_record(liar, liar.nodes[0])


TO_NODES: dict[str, tuple[Callable[[Liar], Change], str, FailCode]] = {
    "another model": (another_model, "open_failed", FailCode.OPEN_FAILED),
    "another nodes": (another_nodes, "wrong_assignment", FailCode.OPEN_FAILED),
    "not signed": (not_signed, "bad_assignment", FailCode.OPEN_FAILED),
    "earlier process": (earlier_process, "stale_boot", FailCode.KEY_STALE),
    "other key than the nodes": (
        other_key_than_the_nodes,
        "key_stale",
        FailCode.KEY_STALE,
    ),
    "of yesterday": (of_yesterday, "expired", FailCode.EXPIRED),
    "of another task": (of_another_task, "wrong_assignment", FailCode.OPEN_FAILED),
    "another head": (another_head, "open_failed", FailCode.OPEN_FAILED),
    "altered request": (altered_request, "", FailCode.OPEN_FAILED),
}
