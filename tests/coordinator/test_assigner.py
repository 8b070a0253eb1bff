from __future__ import annotations

from clubai.coordinator.assigner import Assigner
from clubai.core.commands import OfferTask
from clubai.core.events import ClientKey
from clubai.crypto.assignment import verify_assignment
from clubai.crypto.binding import bind
from clubai.crypto.identity import Identity
from clubai.model import NodeId, TaskId
from clubai.protocol.assignment import LONGEST_MS, decode_assignment
from support.sealed_peers import NOW_MS, PlayedClient, PlayedNode

IDENTITY, NODE, CLIENT = Identity.generate(), PlayedNode(), PlayedClient()
ASSIGNER = Assigner(
    IDENTITY,
    checkpoint=lambda: b"checkpoint",
    own_sig=lambda node: node * 2,
    wall_ms=lambda: NOW_MS,
)
OFFER = OfferTask(
    client=ClientKey(1),
    ref=7,
    task=TaskId(b"t" * 16),
    part=0,
    attempt=2,
    node=NodeId(NODE.identity.node_id),
    node_name="attic",
    model="m",
    kind="embedding",
    max_tokens=9,
    stream=False,
    queued_ms=5,
)


def test_an_assignment_says_what_was_asked_and_who_takes_it() -> None:
    request = CLIENT.request(deadline_s=30.0, mode="consensus")
    made = ASSIGNER.offer(OFFER, request, NODE.keys)
    verify_assignment(IDENTITY.key, made.offer.body, made.offer.sig)
    said = decode_assignment(made.offer.body)
    (part,) = said.parts

    assert (made.offer.ref, made.offer.node_name, made.offer.queued_ms) == (
        7,
        "attic",
        5,
    )
    assert (said.task, said.cvk, said.mode) == (
        OFFER.task,
        CLIENT.verdict_key.key,
        "consensus",
    )
    assert (said.issued_ms, said.expires_ms) == (NOW_MS, NOW_MS + 30_000)
    assert said.checkpoint == b"checkpoint"
    assert (part.part, part.attempt, part.node) == (0, 2, NODE.identity.node_id)
    assert part.own_sig == NODE.identity.node_id * 2
    assert (part.bundle, part.boot) == (NODE.bundle.body, NODE.boot)
    assert (part.model, part.kind, part.max_tokens, part.stream) == (
        "m",
        "embedding",
        9,
        False,
    )
    assert part.deadline_s == 30.0
    assert made.binding_hash == bind(said, part, made.offer.body).hash()
    assert made.cvk == CLIENT.verdict_key.key


def test_no_assignment_is_good_for_longer_than_ten_minutes() -> None:
    made = ASSIGNER.offer(OFFER, CLIENT.request(deadline_s=86_400.0), NODE.keys)
    said = decode_assignment(made.offer.body)

    assert said.expires_ms - said.issued_ms == LONGEST_MS == 600_000


def test_even_a_deadline_of_nothing_is_after_the_beginning() -> None:
    made = ASSIGNER.offer(OFFER, CLIENT.request(deadline_s=0.0), NODE.keys)
    said = decode_assignment(made.offer.body)

    assert said.expires_ms > said.issued_ms
