from __future__ import annotations

from clubai.checking.owed import Standing
from clubai.core.standing import Owed
from clubai.model import NodeId
from support.played_standing import PlayedStanding


async def test_the_played_one_is_a_standing() -> None:
    played = PlayedStanding()
    standing: Standing = played
    owed = Owed(node=NodeId(bytes(32)), model="m")

    played.owe(owed.node)

    assert await standing.next_owed() == owed
    assert not standing.trusted()
    assert not standing.doubted(owed.node)
