from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)

from clubai.coordinator.tickets import SALT_BYTES, Challenges, Ticket, Tickets
from clubai.errors import AuthenticationError, ConfigError, RateLimited
from clubai.model import MemberId, NodeId

A, B = NodeId(b"a" * 32), NodeId(b"b" * 32)
OWNER = MemberId("m_alice")
SALT = bytes(SALT_BYTES)


def challenges(**changes: Any) -> Challenges:
    return Challenges(b"s" * 32, **changes)


def put(
    tickets: Tickets, node: NodeId, *, now: float = 0.0, text: bytes = b"t"
) -> None:
    tickets.put(text, node=node, boot=b"boot", owner=OWNER, now=now)


def test_a_nonce_is_good_once_for_its_node() -> None:
    made = challenges()
    nonce = made.make(A, SALT, now=1000.0)

    assert len(nonce) == 32
    made.check(nonce, A, now=1059.9)
    made.use(nonce, A, now=1059.9)

    with pytest.raises(ConfigError, match="used"):
        made.use(nonce, A, now=1059.9)


def test_a_nonce_is_not_good_for_another_node_or_process_or_later() -> None:
    made = challenges()
    nonce = made.make(A, SALT, now=1000.0)

    for table, node, now in (
        (made, B, 1000.0),
        (Challenges(b"o" * 32), A, 1000.0),
        (made, A, 1060.0),
    ):
        with pytest.raises(ConfigError):
            table.use(nonce, node, now=now)
    made.use(nonce, A, now=1000.0)  # no failure used it up


@pytest.mark.parametrize("at", range(32))
def test_a_nonce_with_a_flipped_bit_is_not_good(at: int) -> None:
    made = challenges()
    nonce = bytearray(made.make(A, SALT, now=1000.0))
    nonce[at] ^= 1

    with pytest.raises(ConfigError):
        made.check(bytes(nonce), A, now=1000.0)


def test_asking_costs_no_memory_and_using_is_bounded() -> None:
    made = challenges(limit=2)
    nonces = [made.make(A, bytes([n]) * SALT_BYTES, now=0.0) for n in range(3)]
    assert len(made) == 0

    made.use(nonces[0], A, now=0.0)
    made.use(nonces[1], A, now=1.0)
    with pytest.raises(RateLimited):
        made.use(nonces[2], A, now=2.0)
    later = made.make(A, SALT, now=60.0)
    made.use(later, A, now=60.0)

    assert len(made) == 2


def test_a_ticket_is_redeemed_once_and_in_time() -> None:
    tickets = Tickets()
    put(tickets, A)
    put(tickets, B, text=b"u")

    ticket = tickets.redeem(b"t", now=59.9)

    assert ticket == Ticket(node=A, boot=b"boot", owner=OWNER, until=60.0)
    for text, now in ((b"t", 59.9), (b"u", 60.0), (b"unknown", 0.0)):
        with pytest.raises(AuthenticationError):
            tickets.redeem(text, now=now)
    assert len(tickets) == 0


def test_a_node_has_one_ticket_the_newest() -> None:
    tickets = Tickets()
    put(tickets, A, text=b"old")
    put(tickets, A, text=b"new")

    with pytest.raises(AuthenticationError):
        tickets.redeem(b"old", now=0.0)
    assert tickets.redeem(b"new", now=0.0).node == A


def test_a_forgotten_node_has_no_ticket() -> None:
    tickets = Tickets()
    put(tickets, A)

    tickets.forget(A)
    tickets.forget(B)

    with pytest.raises(AuthenticationError):
        tickets.redeem(b"t", now=0.0)


def test_tickets_are_bounded_and_expired_ones_make_room() -> None:
    tickets = Tickets(limit=1)
    put(tickets, A)
    with pytest.raises(RateLimited):
        put(tickets, B, now=59.9, text=b"u")

    put(tickets, B, now=60.0, text=b"u")

    assert len(tickets) == 1


class OneUse(RuleBasedStateMachine):
    """Whatever is asked in whatever order: once, in time, for its own node."""

    nonces = Bundle("nonces")
    out = Bundle("out")

    def __init__(self) -> None:
        super().__init__()
        self.challenges = challenges(limit=5)
        self.tickets = Tickets(limit=5)
        self.now = 1000.0
        self.count = 0
        self.used: set[bytes] = set()
        self.redeemed: set[bytes] = set()
        self.newest: dict[NodeId, bytes] = {}

    @rule(seconds=st.sampled_from([0.5, 20.0, 60.0, 200.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(target=nonces, node=st.sampled_from([A, B]))
    def ask(self, node: NodeId) -> tuple[bytes, NodeId, float]:
        self.count += 1
        salt = self.count.to_bytes(SALT_BYTES, "big")
        return self.challenges.make(node, salt, now=self.now), node, self.now

    @rule(made=nonces, node=st.sampled_from([A, B]))
    def use(self, made: tuple[bytes, NodeId, float], node: NodeId) -> None:
        nonce, own, asked_at = made
        # A millisecond is what a nonce's expiry is rounded to.
        due = node == own and self.now < asked_at + 59.999 and nonce not in self.used
        try:
            self.challenges.use(nonce, node, now=self.now)
        except RateLimited:
            assert due
            return
        except ConfigError:
            assert not due
            return
        assert due
        self.used.add(nonce)

    @rule(target=out, node=st.sampled_from([bytes([n]) * 32 for n in range(8)]))
    def give(self, node: bytes) -> Any:
        self.count += 1
        text = self.count.to_bytes(4, "big")
        try:
            put(self.tickets, NodeId(node), now=self.now, text=text)
        except RateLimited:
            self.newest.pop(NodeId(node), None)
            return multiple()
        self.newest[NodeId(node)] = text
        return text, node, self.now

    @rule(given=consumes(out), again=st.booleans())
    def redeem(self, given: tuple[bytes, bytes, float], again: bool) -> None:
        text, node, at = given
        due = self.newest.get(NodeId(node)) == text and self.now < at + 60
        for expected in (due, False) if again else (due,):
            try:
                ticket = self.tickets.redeem(text, now=self.now)
            except AuthenticationError:
                assert not expected
            else:
                assert expected
                assert ticket.node == node

    @rule(node=st.sampled_from([bytes([n]) * 32 for n in range(8)]))
    def forget(self, node: bytes) -> None:
        self.tickets.forget(NodeId(node))
        self.newest.pop(NodeId(node), None)

    @invariant()
    def bounded(self) -> None:
        assert len(self.challenges) <= 5
        assert len(self.tickets) <= 5


test_one_use = OneUse.TestCase
