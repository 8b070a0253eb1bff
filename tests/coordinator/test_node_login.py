from __future__ import annotations

from typing import Any

import msgspec
import pytest

from clubai.coordinator.node_login import (
    CHALLENGES_PER_MINUTE,
    LOGINS_PER_NODE,
    TRIES_PER_ADDRESS,
    NodeLogins,
)
from clubai.crypto.identity import Identity
from clubai.errors import (
    AuthenticationError,
    ConfigError,
    PermissionDenied,
    RateLimited,
)
from clubai.protocol.login import LoginReply, LoginRequest
from clubai.protocol.session import login_bytes
from clubai.storage import MemoryStore
from clubai.storage.enrolment import EnrolledRow, EnrolledState, EnrolmentRow
from support.clock import Clock
from support.rows import member_row

HERE = ("club.example", "192.0.2.7:8000")
BOOT = b"b" * 16
OWNER = member_row("alice")


class Scene:
    """A coordinator's logins and one enrolled node."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = Clock()
        self.logins = NodeLogins(self.store, clock=self.clock)
        self.identity = Identity.generate()

    async def open(self, state: EnrolledState = "enrolled") -> Scene:
        await self.store.add_member(OWNER)
        await self.enrol(self.identity, state)
        return self

    async def enrol(self, identity: Identity, state: EnrolledState) -> None:
        now = self.clock.now
        token = EnrolmentRow(
            id=identity.key.hex(),
            member=OWNER.id,
            token_hash=identity.key,
            confirm=False,
            created_at=now,
            expires_at=now + 1,
        )
        node = EnrolledRow(
            id=identity.node_id,
            key=identity.key,
            name="",
            owner=OWNER.id,
            state=state,
            enrolled_at=now,
            changed_at=now,
        )
        await self.store.add_enrolment(token, limit=99)
        await self.store.enrol_node(token.token_hash, node, limit=None)

    def request(
        self,
        *,
        identity: Identity | None = None,
        origin: str = HERE[0],
        nonce: bytes = b"",
        **changes: Any,
    ) -> LoginRequest:
        identity = identity or self.identity
        node = identity.node_id
        nonce = nonce or self.logins.challenge(node).nonce
        now_ms = int(self.clock.now * 1000)
        signed = login_bytes(origin, nonce, BOOT, now_ms)
        request = LoginRequest(
            node=node,
            nonce=nonce,
            boot=BOOT,
            now_ms=now_ms,
            sig=identity.sign(signed),
        )
        return msgspec.structs.replace(request, **changes)

    async def login(self, **changes: Any) -> LoginReply:
        return await self.logins.login(self.request(**changes), origins=HERE)


@pytest.mark.parametrize("origin", HERE)
async def test_a_node_that_proves_its_key_gets_a_ticket_for_one_connection(
    origin: str,
) -> None:
    scene = await Scene().open()

    reply = await scene.login(origin=origin)
    ticket, owner = await scene.logins.redeem(reply.ticket)

    assert reply.owner == "alice"
    assert reply.expires_at == ticket.until == scene.clock.now + 60
    assert (ticket.node, ticket.boot) == (scene.identity.node_id, BOOT)
    assert (owner.id, owner.name, owner.role) == (OWNER.id, "alice", "member")
    with pytest.raises(AuthenticationError):
        await scene.logins.redeem(reply.ticket)


async def test_a_ticket_is_good_for_a_minute() -> None:
    scene = await Scene().open()
    reply = await scene.login()
    scene.clock.forward(60)

    with pytest.raises(AuthenticationError, match="expired"):
        await scene.logins.redeem(reply.ticket)


async def test_a_login_cannot_be_said_again() -> None:
    scene = await Scene().open()
    request = scene.request()
    await scene.logins.login(request, origins=HERE)

    with pytest.raises(ConfigError, match="nonce"):
        await scene.logins.login(request, origins=HERE)


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "evil.example"},
        {"origin": "club.example:8000"},
        {"boot": b"B" * 16},
        {"sig": bytes(64)},
    ],
    ids=str,
)
async def test_what_was_not_signed_so_is_refused_and_uses_nothing_up(
    changes: dict[str, Any],
) -> None:
    scene = await Scene().open()
    nonce = scene.logins.challenge(scene.identity.node_id).nonce

    with pytest.raises(AuthenticationError):
        await scene.login(nonce=nonce, **changes)

    await scene.login(nonce=nonce)


async def test_the_time_that_was_signed_counts() -> None:
    scene = await Scene().open()
    request = scene.request()
    later = msgspec.structs.replace(request, now_ms=request.now_ms + 1)

    with pytest.raises(AuthenticationError):
        await scene.logins.login(later, origins=HERE)


async def test_the_nonce_of_another_node_is_refused() -> None:
    scene = await Scene().open()
    other = Identity.generate()
    await scene.enrol(other, "enrolled")

    with pytest.raises(ConfigError, match="nonce"):
        await scene.login(nonce=scene.logins.challenge(other.node_id).nonce)


async def test_the_nonce_of_another_process_of_the_coordinator_is_refused() -> None:
    scene = await Scene().open()
    before = NodeLogins(scene.store, clock=scene.clock)

    with pytest.raises(ConfigError, match="ask again"):
        await scene.login(nonce=before.challenge(scene.identity.node_id).nonce)


async def test_the_signature_of_another_node_is_refused() -> None:
    scene = await Scene().open()
    other = Identity.generate()
    await scene.enrol(other, "enrolled")
    nonce = scene.logins.challenge(scene.identity.node_id).nonce
    theirs = scene.request(identity=other, nonce=nonce)

    mine = msgspec.structs.replace(theirs, node=scene.identity.node_id)
    with pytest.raises(AuthenticationError):
        await scene.logins.login(mine, origins=HERE)


async def test_an_unknown_node_is_answered_as_a_wrong_signature_is() -> None:
    scene = await Scene().open()
    stranger = Identity.generate()
    assert len(scene.logins.challenge(stranger.node_id).nonce) == 32

    with pytest.raises(AuthenticationError) as unknown:
        await scene.login(identity=stranger)
    with pytest.raises(AuthenticationError) as wrong:
        await scene.login(sig=bytes(64))

    assert str(unknown.value) == str(wrong.value)
    assert "club.example or 192.0.2.7:8000" in str(wrong.value)


async def test_a_wrong_clock_is_told_before_anything_else() -> None:
    scene = await Scene().open()
    now_ms = int(scene.clock.now * 1000) - 500_000

    with pytest.raises(ConfigError, match="500 s behind"):
        await scene.login(now_ms=now_ms, sig=bytes(64))


@pytest.mark.parametrize(
    ("state", "text"),
    [("pending", "clubai node confirm"), ("removed", "another data directory")],
)
async def test_only_an_enrolled_node_gets_a_ticket(
    state: EnrolledState, text: str
) -> None:
    scene = await Scene().open(state)

    with pytest.raises(PermissionDenied, match=text):
        await scene.login()
    with pytest.raises(PermissionDenied):
        await scene.logins.check(scene.identity.node_id)


async def test_a_removed_nodes_ticket_is_worthless() -> None:
    scene = await Scene().open()
    reply = await scene.login()

    scene.logins.forget(scene.identity.node_id)

    with pytest.raises(AuthenticationError):
        await scene.logins.redeem(reply.ticket)


async def test_a_node_whose_owner_is_gone_is_refused() -> None:
    scene = Scene()
    await scene.enrol(scene.identity, "enrolled")

    with pytest.raises(PermissionDenied, match="owner"):
        await scene.login()


async def test_a_node_logs_in_so_often_a_minute() -> None:
    scene = await Scene().open()
    for _ in range(LOGINS_PER_NODE):
        await scene.login()

    with pytest.raises(RateLimited):
        await scene.login()

    scene.clock.forward(60)
    await scene.login()


def test_challenges_are_counted_for_each_address_but_this_machines() -> None:
    scene = Scene()
    node = scene.identity.node_id
    for address in ("127.0.0.1", "::1", "", "192.0.2.1"):
        for _ in range(CHALLENGES_PER_MINUTE):
            scene.logins.challenge(node, address=address)

    scene.logins.challenge(node, address="127.0.0.1")
    scene.logins.challenge(node, address="192.0.2.2")
    with pytest.raises(RateLimited):
        scene.logins.challenge(node, address="192.0.2.1")


def test_failures_are_counted_and_good_tries_are_not() -> None:
    logins = Scene().logins
    for _ in range(3 * TRIES_PER_ADDRESS):
        logins.take_try("192.0.2.1")
        logins.give_back("192.0.2.1")
        logins.take_try("127.0.0.1")
    for _ in range(TRIES_PER_ADDRESS):
        logins.take_try("192.0.2.1")

    with pytest.raises(RateLimited):
        logins.take_try("192.0.2.1")
