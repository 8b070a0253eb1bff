from __future__ import annotations

import pytest

from clubai.client.pins import Pins
from clubai.client.trust import Trust
from clubai.client.verify import Verified, verify_club
from clubai.crypto.keytext import key_text
from clubai.errors import ConnectFailed
from clubai.model import NodeId, TrustCode, node_text
from clubai.protocol.keylog import ClubKey
from support.bundles import START_MS, bundle, identity
from support.key_club import KeyClub, key_club

ATTIC, CELLAR = bundle("attic"), bundle("cellar")
LIVE = {ATTIC.node: "attic", CELLAR.node: "cellar"}


class Member:
    def __init__(self) -> None:
        self.pins = Pins.in_memory()
        self.trust = Trust(self.pins, clock_ms=lambda: START_MS)

    async def verify(
        self, club: KeyClub, nodes: dict[NodeId, str] = LIVE, key: str = ""
    ) -> Verified:
        told = ClubKey(club.log.origin, key or key_text(club.key), club.log.size)
        return await verify_club(self.trust, told, nodes, club.fetch)


async def test_all_is_well() -> None:
    club, member = await key_club(ATTIC, CELLAR), Member()

    found = await member.verify(club)

    assert (found.key, found.size) == (key_text(club.key), 2)
    assert found.nodes == tuple(map(node_text, LIVE))
    assert found.problems == ()
    assert member.pins.club.key == key_text(club.key)
    assert len(member.pins.club.nodes) == 2


async def test_each_node_that_is_not_as_it_should_be_is_named() -> None:
    club, member = await key_club(ATTIC), Member()

    found = await member.verify(club)

    [problem] = found.problems
    assert (problem.subject, problem.name) == (node_text(CELLAR.node), "cellar")
    assert problem.code is TrustCode.NOT_IN_LOG
    assert found.nodes == (node_text(ATTIC.node),)


async def test_a_fork_ends_it() -> None:
    member = Member()
    await member.verify(await key_club(ATTIC, CELLAR))

    found = await member.verify(await key_club(CELLAR, ATTIC))

    [problem] = found.problems
    assert (problem.subject, problem.code) == ("club", TrustCode.LOG_FORK)
    assert (found.size, found.nodes) == (0, ())


@pytest.mark.parametrize("key", ["nonsense", key_text(identity("mallory").key)])
async def test_another_key_ends_it(key: str) -> None:
    club, member = await key_club(ATTIC), Member()
    await member.verify(club)
    club.fetched.clear()

    found = await member.verify(club, key=key)

    [problem] = found.problems
    assert problem.code is TrustCode.COORDINATOR_CHANGED
    assert club.fetched == []


async def test_a_club_that_cannot_be_asked_is_not_judged() -> None:
    club = await key_club(ATTIC)
    club.down = True

    with pytest.raises(ConnectFailed):
        await Member().verify(club)
