from __future__ import annotations

import pytest

from clubai.errors import AuthenticationError
from clubai.tui.owner import NoClub


async def test_without_a_key_the_club_tells_nothing_and_is_not_asked() -> None:
    club = NoClub("http://club.example")

    assert [item async for item in club.items()] == []
    with pytest.raises(AuthenticationError, match="clubai login"):
        await club.call("GET", "/api/me")
    with pytest.raises(AuthenticationError, match="clubai login"):
        club.client()
    assert club.clock() > 1_790_000_000.0 - 1e9
