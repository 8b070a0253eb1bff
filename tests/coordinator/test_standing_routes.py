from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clubai.model import node_nickname
from clubai.reputation.facts import VerdictGiven
from support.api_calls import Account, ApiClub, api_club, error_of


async def complain(api: ApiClub, node: bytes, asker: Account) -> int:
    fact = VerdictGiven(
        node=node, asker=asker.member.id, cause="task:01", value=5, checked=True
    )
    await api.coordinator.standings.tell(fact)
    [record] = api.coordinator.standings.all(asker.member)
    return record.open_reviews[0]


async def test_points_and_their_reasons_are_read(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        node = await api.club.add("attic", owner=alice.member)
        every = await api.call("GET", "/api/reputation", key=alice.key)
        one = await api.call("GET", "/api/reputation/attic", key=alice.key)
        paged = await api.call("GET", "/api/reputation/attic?limit=1", key=alice.key)
        nobody = await api.call("GET", "/api/reputation/cellar", key=alice.key)

    [found] = every.json()["nodes"]
    assert (found["nickname"], found["points"]) == (node_nickname(node.id), 100)
    assert every.json()["verification"]["month"]["tokens"] == 0
    changes = one.json()["changes"]
    assert changes[-1]["change"] == "joined"
    assert one.json()["node"] == found
    assert one.json()["next"] is None
    assert paged.json()["next"] == paged.json()["changes"][0]["seq"]
    assert nobody.status == 400
    assert "clubai reputation" in error_of(nobody)["message"]


async def test_a_review_is_listed_shown_and_ended(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        node = await api.club.add("attic", owner=alice.member)
        seq = await complain(api, node.id, await api.join("bob"))
        listed = await api.call("GET", "/api/reviews", key=alice.key)
        shown = await api.call("GET", f"/api/reviews/{seq}", key=alice.key)
        body = {"upheld": True, "why": "it was rubbish"}
        ended = await api.call("POST", f"/api/reviews/{seq}", body, key=alice.key)
        after = await api.call("GET", "/api/reviews", key=alice.key)
        every = await api.call("GET", "/api/reviews?all=1", key=alice.key)
        [found] = api.coordinator.standings.all(alice.member)

    assert [each["seq"] for each in listed.json()["reviews"]] == [seq]
    assert shown.json()["open"]
    assert ended.status == 204
    assert after.json()["reviews"] == []
    assert [each["open"] for each in every.json()["reviews"]] == [False]
    assert found.points == 50


async def test_an_operator_trusts_moves_and_reinstates(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        await api.club.add("attic", owner=alice.member)
        trusted = await api.call("PUT", "/api/nodes/attic/trusted", key=alice.key)
        [found] = api.coordinator.standings.all(alice.member)
        assert found.trusted
        distrusted = await api.call("DELETE", "/api/nodes/attic/trusted", key=alice.key)
        moved = await api.call(
            "POST",
            "/api/reputation/attic/points",
            {"points": -7, "why": "a test"},
            key=alice.key,
        )
        well = await api.call(
            "POST", "/api/reputation/attic/reinstated", {"why": "x"}, key=alice.key
        )
        [found] = api.coordinator.standings.all(alice.member)

    assert [trusted.status, distrusted.status, moved.status] == [204, 204, 204]
    assert (found.trusted, found.points) == (False, 93)
    assert well.status == 400


CHANGES: list[tuple[str, str, Any]] = [
    ("GET", "/api/reviews", None),
    ("GET", "/api/reviews/1", None),
    ("POST", "/api/reviews/1", {"upheld": True, "why": "x"}),
    ("PUT", "/api/nodes/attic/trusted", None),
    ("DELETE", "/api/nodes/attic/trusted", None),
    ("POST", "/api/reputation/attic/points", {"points": 1, "why": "x"}),
    ("POST", "/api/reputation/attic/reinstated", {"why": "x"}),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
async def test_a_member_decides_nothing(
    tmp_path: Path, method: str, path: str, body: Any
) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        bob = await api.join("bob")
        await api.club.add("attic", owner=alice.member)
        refused = await api.call(method, path, body, key=bob.key)
        looked = await api.call("GET", "/api/reputation", key=bob.key)

    assert refused.status == 403
    assert looked.status == 200
