from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clubai.coordinator.grants import KeyWish
from clubai.model import node_nickname, node_text
from support.api_calls import Account, ApiClub, api_club, error_of
from support.asgi_driver import Response
from support.memory_club import MemoryNode
from support.node_calls import CallingNode, token_of

HOURS = "Mon-Fri 18:00-23:00"


@dataclass
class Owned:
    """A club with an operator, and Alice's node, which is here."""

    api: ApiClub
    root: Account
    alice: Account
    node: MemoryNode

    @property
    def nickname(self) -> str:
        return node_nickname(self.node.id)

    async def call(
        self,
        method: str,
        what: str,
        json: Any = None,
        *,
        by: Account | None = None,
        node: str = "",
    ) -> Response:
        path = f"/api/nodes/{node or self.nickname}/{what}"
        return await self.api.call(method, path, json, key=(by or self.alice).key)

    @property
    def state(self) -> str:
        [node] = self.api.coordinator.driver.machine.nodes()
        return node.state

    async def audit(self) -> list[tuple[str, str, str, str]]:
        rows = await self.api.coordinator.store.audit(limit=50)
        return [
            (row.actor, row.action, row.object, row.detail)
            for row in reversed(rows)
            if row.action.startswith(("node.", "promise."))
        ]


@asynccontextmanager
async def owned(tmp_path: Path) -> AsyncIterator[Owned]:
    async with api_club(tmp_path) as api:
        root, alice = await api.join("root"), await api.join("alice")
        calling = CallingNode(api)
        reply = await calling.enrol(await token_of(api, alice.key))
        assert reply.status == 201
        known = MemoryNode("attic", None, alice.member)  # type: ignore[arg-type]
        known.identity = calling.identity
        node = await api.club.add("attic", owner=alice.member, again=known)
        yield Owned(api, root, alice, node)


async def test_an_owner_promises_hours_and_takes_them_back(tmp_path: Path) -> None:
    async with owned(tmp_path) as club:
        nothing = (await club.call("GET", "promise")).json()
        wish = {"schedule": HOURS, "zone": "Europe/Berlin"}
        made = await club.call("PUT", "promise", wish)
        seen = await club.call("GET", "promise")
        ended = await club.call("DELETE", "promise")
        after = await club.call("GET", "promise")

        assert nothing == {
            "node": node_text(club.node.id),
            "nickname": club.nickname,
            "schedule": "",
            "zone": "",
            "counts_from": None,
            "kept_hours": 0,
            "broken_hours": 0,
            "state": "",
            "why": "",
        }
        counts_from = made.json()["counts_from"]
        now = club.api.coordinator.driver.clock()
        assert counts_from % 3600 == 0
        assert 0 < counts_from - now <= 3600
        shown = {**nothing, **wish, "counts_from": counts_from}
        assert made.json() == seen.json() == shown
        assert ended.json() == {**nothing, "counts_from": counts_from}
        assert after.json() == nothing
        alice = club.alice.member.id
        text = f"{HOURS} Europe/Berlin"
        assert await club.audit() == [
            (alice, "promise.made", club.nickname, text),
            (alice, "promise.withdrawn", club.nickname, ""),
        ]


async def test_an_owner_pauses_drains_and_resumes_a_node(tmp_path: Path) -> None:
    async with owned(tmp_path) as club:
        paused = await club.call("PUT", "pause", {"why": "a film"})
        assert (paused.status, club.state) == (200, "paused")
        assert paused.json()["state"] == "paused"
        assert paused.json()["why"] == "a film"
        assert (await club.call("PUT", "pause")).json() == paused.json()
        drained = await club.call("PUT", "drain", {"why": "new card"})
        assert (drained.json()["state"], club.state) == ("draining", "draining")
        resumed = await club.call("DELETE", "pause")
        assert (resumed.json()["state"], club.state) == ("", "alive")
        assert (await club.call("DELETE", "pause")).status == 200

        assert [line[1:] for line in await club.audit()] == [
            ("node.paused", club.nickname, "a film"),
            ("node.draining", club.nickname, "new card"),
            ("node.resumed", club.nickname, ""),
        ]


async def test_a_paused_node_that_comes_back_is_paused(tmp_path: Path) -> None:
    async with owned(tmp_path) as club:
        await club.call("PUT", "pause", {})
        club.node.scope.cancel()
        await club.node.ended.wait()
        machine = club.api.coordinator.driver.machine
        while machine.nodes():
            await club.api.coordinator.driver.changed.wait()

        await club.api.club.add("attic", owner=club.alice.member, again=club.node)

        assert club.state == "paused"


async def test_nobody_else_speaks_for_a_node_but_an_operator(tmp_path: Path) -> None:
    calls = [
        ("GET", "promise", None),
        ("PUT", "promise", {"schedule": HOURS}),
        ("DELETE", "promise", None),
        ("PUT", "pause", {}),
        ("DELETE", "pause", None),
        ("PUT", "drain", {}),
    ]
    async with owned(tmp_path) as club:
        bob = await club.api.join("bob")
        for method, what, body in calls:
            foreign = await club.call(method, what, body, by=bob)
            unknown = await club.call(method, what, body, by=bob, node="a" * 12)
            assert foreign.status == unknown.status == 403, (method, what)
            text = foreign.body.replace(club.nickname.encode(), b"a" * 12)
            assert text == unknown.body
        assert club.state == "alive"
        assert await club.audit() == []

        for method, what, body in calls:
            done = await club.call(method, what, body, by=club.root)
            assert done.status == 200, (method, what)


async def test_a_key_for_asking_alone_does_nothing_to_nodes(tmp_path: Path) -> None:
    async with owned(tmp_path) as club:
        wish = KeyWish(scopes=("chat",))
        accounts = club.api.coordinator.accounts
        made = await accounts.create_api_key(club.alice.member.id, "ask", wish=wish)
        path = f"/api/nodes/{club.nickname}/pause"

        reply = await club.api.call("PUT", path, {}, key=made.text)

        assert reply.status == 403


async def test_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    refused: list[tuple[str, dict[str, Any], str]] = [
        ("promise", {}, "body"),
        ("promise", {"schedule": "evenings"}, "schedule"),
        ("promise", {"schedule": HOURS, "zone": "Mars/Olympus"}, "zone"),
        ("promise", {"schedule": HOURS, "more": 1}, "body"),
        ("promise", {"schedule": "x" * 300}, "body"),
        ("pause", {"why": "a\nb"}, "why"),
        ("drain", {"why": "x" * 300}, "body"),
        ("pause", {"why": 1}, "body"),
    ]
    async with owned(tmp_path) as club:
        for what, body, param in refused:
            reply = await club.call("PUT", what, body)

            assert reply.status == 400
            assert error_of(reply)["param"] == param
        assert await club.audit() == []


async def test_a_node_that_never_came_promises_nothing(tmp_path: Path) -> None:
    async with owned(tmp_path) as club:
        other = CallingNode(club.api)
        await other.enrol(await token_of(club.api, club.alice.key))

        wish = {"schedule": HOURS}
        reply = await club.call("PUT", "promise", wish, node=other.nickname)

        assert reply.status == 400
        assert "start its agent" in error_of(reply)["message"]


async def test_a_removed_node_is_spoken_for_by_nobody(tmp_path: Path) -> None:
    async with owned(tmp_path) as club:
        path = f"/api/enrolled/{club.nickname}"
        await club.api.call("DELETE", path, key=club.alice.key)

        reply = await club.call("PUT", "pause", {})

        assert reply.status == 403
        assert "removed" in error_of(reply)["message"]
