from __future__ import annotations

import pytest

from clubai.agent.arriving import Arriving
from clubai.agent.intake import Admitted
from clubai.crypto.identity import Identity
from clubai.errors import TrustError
from clubai.protocol.assignment import decode_assignment
from support.sealed_peers import PlayedClient, PlayedNode, PlayedRequest, made_offer

BODY = b"x" * 100_000


def arriving() -> tuple[Arriving, PlayedRequest]:
    """A request of several records that was admitted."""
    node, client = PlayedNode(), PlayedClient()
    offer = made_offer(Identity.generate(), client.request(), node.keys, task=b"t" * 16)
    sealed = client.take(offer, BODY)
    (part,) = decode_assignment(offer.body).parts
    seal = node.open(sealed.assign, begin=False).seal
    return Arriving(Admitted(part, seal)), sealed


def test_a_request_is_whole_with_its_last_record() -> None:
    request, sealed = arriving()

    whole = [request.add(record) for record in sealed.records]

    assert whole == [False] * (len(whole) - 1) + [True]
    assert len(whole) > 1
    assert request.body == BODY


def test_a_record_that_was_left_out_is_noticed() -> None:
    request, sealed = arriving()

    with pytest.raises(TrustError, match="out_of_order"):
        request.add(list(sealed.records)[1])
