from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from clubai.coordinator.accounts import Member
from clubai.coordinator.enrolment import (
    OPEN_PER_MEMBER,
    Enrolments,
    check_clock,
)
from clubai.crypto.identity import Identity
from clubai.errors import AuthenticationError, ConfigError, PermissionDenied
from clubai.model import node_nickname, node_text
from clubai.protocol.login import EnrolReply, EnrolRequest
from clubai.protocol.session import enrol_bytes
from clubai.storage import MemoryStore
from support.clock import Clock
from support.rows import member_row, node_row

HERE = "club.example"
ORIGINS = (HERE,)


class Scene:
    """Three members and the enrolments of their club."""

    def __init__(self, *, max_nodes: int = 5) -> None:
        self.store = MemoryStore()
        self.clock = Clock()
        self.enrolments = Enrolments(
            self.store, clock=self.clock, max_nodes_member=max_nodes
        )
        self.root: Member
        self.alice: Member
        self.bob: Member

    async def open(self) -> Scene:
        self.root = await self._join("root", "operator")
        self.alice = await self._join("alice", "member")
        self.bob = await self._join("bob", "member")
        return self

    async def _join(self, name: str, role: str) -> Member:
        row = member_row(name, role=role)
        await self.store.add_member(row)
        return Member(row.id, row.name, row.role)

    def request(
        self,
        identity: Identity,
        token: str,
        *,
        origin: str = HERE,
        signer: Identity | None = None,
        **changes: Any,
    ) -> EnrolRequest:
        signed = enrol_bytes(token, origin, identity.node_id)
        request = EnrolRequest(
            token=token,
            node=identity.node_id,
            key=identity.key,
            now_ms=int(self.clock.now * 1000),
            sig=(signer or identity).sign(signed),
            name="attic",
        )
        return msgspec.structs.replace(request, **changes)

    async def enrol(
        self,
        member: Member,
        identity: Identity | None = None,
        *,
        confirm: bool = False,
        origins: Sequence[str] = ORIGINS,
    ) -> EnrolReply:
        made = await self.enrolments.make(member, confirm=confirm)
        request = self.request(identity or Identity.generate(), made.token)
        return await self.enrolments.enrol(request, origins=origins)


async def test_a_token_makes_a_node_its_members() -> None:
    scene = await Scene().open()
    identity = Identity.generate()

    reply = await scene.enrol(scene.alice, identity)

    text = node_text(identity.node_id)
    assert reply == EnrolReply(node=text, state="enrolled", owner="alice")
    [node] = await scene.enrolments.nodes(scene.alice)
    assert (node.node, node.name, node.owner) == (text, "attic", scene.alice.id)
    assert node.nickname == node_nickname(identity.node_id)
    assert await scene.enrolments.open_ones(scene.alice) == []


async def test_the_name_that_it_joined_with_is_shown() -> None:
    scene = await Scene().open()
    identity = Identity.generate()
    await scene.enrol(scene.alice, identity)

    await scene.store.put_node(node_row("cellar", id=identity.node_id))

    [node] = await scene.enrolments.nodes(scene.alice)
    assert node.name == "cellar"


@pytest.mark.parametrize(
    ("wait", "again"), [(0.0, True), (86_400.0, False)], ids=["used", "expired"]
)
async def test_a_token_is_good_once_and_for_a_day(wait: float, again: bool) -> None:
    scene = await Scene().open()
    made = await scene.enrolments.make(scene.alice)
    assert made.expires_at == scene.clock.now + 86_400
    if again:
        first = scene.request(Identity.generate(), made.token)
        await scene.enrolments.enrol(first, origins=ORIGINS)
    scene.clock.forward(wait)

    late = scene.request(Identity.generate(), made.token)
    with pytest.raises(AuthenticationError, match="used or expired"):
        await scene.enrolments.enrol(late, origins=ORIGINS)


async def test_no_request_that_does_not_hold_uses_the_token_up() -> None:
    scene = await Scene().open()
    made = await scene.enrolments.make(scene.alice)
    identity, other = Identity.generate(), Identity.generate()
    request = scene.request
    for wrong, error in (
        (request(identity, made.token, origin="evil.example"), AuthenticationError),
        (request(identity, made.token, signer=other), AuthenticationError),
        (request(identity, made.token, node=other.node_id), ConfigError),
        (request(identity, made.token, key=other.key), ConfigError),
        (request(identity, made.token, name="a\nb"), ConfigError),
        (request(identity, made.token, now_ms=0), ConfigError),
        (request(identity, "cet_other"), AuthenticationError),
        (request(identity, "cak_x"), AuthenticationError),
    ):
        with pytest.raises(error):
            await scene.enrolments.enrol(wrong, origins=ORIGINS)

    assert await scene.enrolments.nodes(scene.alice) == []
    good = request(identity, made.token)
    await scene.enrolments.enrol(good, origins=("other.example", HERE))


async def test_a_signature_over_another_token_does_not_hold() -> None:
    scene = await Scene().open()
    one = await scene.enrolments.make(scene.alice)
    other = await scene.enrolments.make(scene.bob)
    request = scene.request(Identity.generate(), one.token)
    swapped = msgspec.structs.replace(request, token=other.token)

    with pytest.raises(AuthenticationError):
        await scene.enrolments.enrol(swapped, origins=ORIGINS)


async def test_tokens_are_listed_without_their_secret_and_ended() -> None:
    scene = await Scene().open()
    one = await scene.enrolments.make(scene.alice, confirm=True)
    await scene.enrolments.make(scene.alice, life_s=60.0)

    listed = await scene.enrolments.open_ones(scene.alice)
    assert [row.confirm for row in listed] == [True, False]
    assert one.token not in repr(listed)
    scene.clock.forward(60.0)
    assert [row.id for row in await scene.enrolments.open_ones(scene.alice)] == [one.id]

    for member, enrolment in ((scene.bob, one.id), (scene.alice, "other")):
        with pytest.raises(PermissionDenied, match="no token with this id"):
            await scene.enrolments.end(member, enrolment)
    await scene.enrolments.end(scene.alice, one.id)

    request = scene.request(Identity.generate(), one.token)
    with pytest.raises(AuthenticationError):
        await scene.enrolments.enrol(request, origins=ORIGINS)


async def test_open_tokens_of_a_member_are_limited() -> None:
    scene = await Scene().open()
    for _ in range(OPEN_PER_MEMBER):
        await scene.enrolments.make(scene.alice)
        await scene.enrolments.make(scene.root)

    with pytest.raises(PermissionDenied, match="5 that are not used"):
        await scene.enrolments.make(scene.alice)

    await scene.enrolments.make(scene.root)
    await scene.enrolments.make(scene.bob)


@pytest.mark.parametrize("life_s", [0.0, -1.0, 86_400.1, float("nan")])
async def test_a_token_lives_for_a_day_at_most(life_s: float) -> None:
    scene = await Scene().open()

    with pytest.raises(ConfigError, match="life_s"):
        await scene.enrolments.make(scene.alice, life_s=life_s)


async def test_nodes_of_a_member_are_limited_and_of_an_operator_not() -> None:
    scene = await Scene(max_nodes=2).open()
    first = Identity.generate()
    await scene.enrol(scene.alice, first)
    await scene.enrol(scene.alice)

    with pytest.raises(PermissionDenied, match="you have 2 nodes"):
        await scene.enrol(scene.alice)

    await scene.enrol(scene.alice, first)
    await scene.enrolments.remove(scene.alice, node_text(first.node_id))
    await scene.enrol(scene.alice)
    for _ in range(4):
        await scene.enrol(scene.root)


async def test_a_node_of_another_member_stays_theirs() -> None:
    scene = await Scene().open()
    identity = Identity.generate()
    await scene.enrol(scene.alice, identity)

    with pytest.raises(PermissionDenied, match="another member's"):
        await scene.enrol(scene.bob, identity)

    assert await scene.enrolments.nodes(scene.bob) == []


async def test_a_removed_node_never_comes_back() -> None:
    scene = await Scene().open()
    identity = Identity.generate()
    await scene.enrol(scene.alice, identity)

    removed = await scene.enrolments.remove(
        scene.alice, node_nickname(identity.node_id)
    )
    scene.clock.forward(5.0)
    again = await scene.enrolments.remove(scene.alice, removed.node)

    assert again == removed
    with pytest.raises(PermissionDenied, match="another data directory"):
        await scene.enrol(scene.alice, identity)
    with pytest.raises(PermissionDenied, match="was removed"):
        await scene.enrolments.confirm(scene.alice, removed.node)


async def test_a_node_that_waits_is_confirmed_by_its_owner() -> None:
    scene = await Scene().open()
    reply = await scene.enrol(scene.alice, confirm=True)
    assert reply.state == "pending"

    confirmed = await scene.enrolments.confirm(scene.alice, reply.node[:12].upper())

    assert confirmed.state == "enrolled"
    assert await scene.enrolments.confirm(scene.alice, reply.node) == confirmed


async def test_a_foreign_node_is_answered_as_one_that_does_not_exist() -> None:
    scene = await Scene().open()
    theirs = (await scene.enrol(scene.alice, confirm=True)).node
    nobody = node_text(Identity.generate().node_id)
    for act in (scene.enrolments.confirm, scene.enrolments.remove):
        reasons = []
        for node in (theirs, nobody):
            with pytest.raises(PermissionDenied) as refused:
                await act(scene.bob, node)
            reasons.append(refused.value.reason)
        assert reasons[0] == reasons[1]

    assert (await scene.enrolments.nodes(scene.alice))[0].state == "pending"
    with pytest.raises(PermissionDenied):
        await scene.enrolments.confirm(scene.root, theirs)


async def test_an_operator_sees_and_removes_any_node() -> None:
    scene = await Scene().open()
    theirs = (await scene.enrol(scene.alice)).node

    [node] = await scene.enrolments.nodes(scene.root, all_members=True)
    assert node.owner == scene.alice.id
    assert await scene.enrolments.nodes(scene.root) == []
    with pytest.raises(PermissionDenied, match="not an operator"):
        await scene.enrolments.nodes(scene.alice, all_members=True)

    assert (await scene.enrolments.remove(scene.root, theirs)).state == "removed"


async def test_a_beginning_that_fits_several_or_is_short_names_none() -> None:
    scene = await Scene().open()
    await scene.enrol(scene.alice)

    for short in ("", "a", "abc", "%"):
        with pytest.raises(PermissionDenied, match="no node with this id"):
            await scene.enrolments.remove(scene.alice, short)


@pytest.mark.parametrize("skew", [-120.0, 0.0, 120.0])
def test_a_clock_that_is_near_enough_is_good(skew: float) -> None:
    check_clock(int((1000.0 + skew) * 1000), 1000.0)


@pytest.mark.parametrize(
    ("skew", "text"), [(-121.0, "121 s behind"), (300.0, "300 s ahead of")]
)
def test_a_wrong_clock_is_told_by_how_much(skew: float, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check_clock(int((1000.0 + skew) * 1000), 1000.0)

    assert text in refused.value.fix
    assert "NTP" in refused.value.fix
