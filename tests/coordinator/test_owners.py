from __future__ import annotations

import pytest

from clubai.coordinator.accounts import Member
from clubai.coordinator.owners import Owners
from clubai.coordinator.roster import Roster
from clubai.crypto.bundles import countersign
from clubai.errors import ConfigError, PermissionDenied
from clubai.model import MemberId, NodeId
from clubai.storage import MemoryStore
from support.bundles import identity
from support.rows import node_row

ALICE = Member(MemberId("m_alice"), "alice", "member")
BOB = Member(MemberId("m_bob"), "bob", "operator")
NODE = node_row("attic", owner=ALICE.id).id
KEY, OTHER = identity("alice's key"), identity("another key")
SIG = countersign(KEY, NODE)


async def owners(store: MemoryStore) -> Owners:
    return Owners(
        store,
        await store.node_owners(),
        roster=Roster([node_row("attic", owner=ALICE.id)]),
        clock=lambda: 7.0,
    )


async def test_an_owners_signature_is_kept_and_found_at_once() -> None:
    store = MemoryStore()
    here = await owners(store)
    assert here.own_sig(NODE) == b""

    await here.countersign(ALICE, NODE, key=KEY.key, sig=SIG)

    assert here.own_sig(NODE) == SIG
    assert (await owners(store)).own_sig(NODE) == SIG
    [row] = await store.node_owners()
    assert (row.key, row.at) == (KEY.key, 7.0)


async def test_a_new_key_takes_the_place_of_the_old_one() -> None:
    here = await owners(MemoryStore())
    await here.countersign(ALICE, NODE, key=KEY.key, sig=SIG)
    newer = countersign(OTHER, NODE)

    await here.countersign(ALICE, NODE, key=OTHER.key, sig=newer)

    assert here.own_sig(NODE) == newer


@pytest.mark.parametrize("node", [NODE, NodeId(bytes(32))])
async def test_nobody_signs_for_anothers_node_not_even_an_operator(
    node: NodeId,
) -> None:
    here = await owners(MemoryStore())

    with pytest.raises(PermissionDenied, match="you own no node"):
        await here.countersign(BOB, node, key=KEY.key, sig=countersign(KEY, node))

    assert here.own_sig(node) == b""


@pytest.mark.parametrize(
    ("key", "sig"),
    [
        (KEY.key, countersign(OTHER, NODE)),
        (OTHER.key, SIG),
        (KEY.key, countersign(KEY, NodeId(bytes(32)))),
        (KEY.key, b""),
        (b"", SIG),
    ],
)
async def test_what_the_key_did_not_sign_is_refused(key: bytes, sig: bytes) -> None:
    store = MemoryStore()
    here = await owners(store)

    with pytest.raises(ConfigError, match="clubai trust own"):
        await here.countersign(ALICE, NODE, key=key, sig=sig)

    assert await store.node_owners() == []
