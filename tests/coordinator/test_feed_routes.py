from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from clubai.coordinator import following
from clubai.coordinator.limits import EdgeLimits
from clubai.protocol.feed import (
    ClubEvent,
    FeedGap,
    FeedMessage,
    FeedSnapshot,
    FeedStats,
    read_feed,
)
from clubai.protocol.sse import SseReader
from support.api_calls import Account, ApiClub, api_club, error_of
from support.asgi_driver import Call


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "TOGETHER_SECONDS", 0.0)


async def snapshot_of(api: ApiClub, account: Account) -> FeedSnapshot:
    reply = await api.call("GET", "/api/snapshot", key=account.key)
    assert reply.status == 200
    return msgspec.json.decode(reply.body, type=FeedSnapshot)


class Reader:
    """Reads the events of one call."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self._sse = SseReader()
        self.messages: list[FeedMessage] = []

    async def until(self, what: str) -> list[ClubEvent]:
        """All events, once one of `what` has come."""
        with anyio.fail_after(5):
            while not any(event.what == what for event in self.events):
                part, more = await self.call.part()
                assert more
                for event in self._sse.feed(part):
                    message = read_feed(event.name, event.data)
                    assert message is not None
                    self.messages.append(message)
        return self.events

    @property
    def events(self) -> list[ClubEvent]:
        return [each for each in self.messages if isinstance(each, ClubEvent)]


async def ask(api: ApiClub, account: Account) -> None:
    async with api.club.client(account.member) as client:
        await client.ask("What is secret?", model="m")


def since(snapshot: FeedSnapshot) -> str:
    return f"/api/events?since={snapshot.seq}&boot={snapshot.boot}"


async def test_a_snapshot_says_from_where_to_follow(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice, bob = await api.join("alice"), await api.join("bob")
        await api.club.add("attic", owner=bob.member)
        await ask(api, alice)

        hers, his = await snapshot_of(api, alice), await snapshot_of(api, bob)

        assert (hers.role, his.role) == ("operator", "member")
        assert hers.seq == his.seq > 0
        assert hers.boot != his.boot
        assert [task.state for task in hers.tasks] == ["done"]
        assert his.tasks == ()
        assert [node.owner for node in his.nodes] == ["bob"]


async def test_what_happens_after_a_snapshot_is_sent_once(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        await api.club.add("attic", owner=alice.member)
        snapshot = await snapshot_of(api, alice)
        await ask(api, alice)
        async with api.open("GET", since(snapshot), key=alice.key) as call:
            status, headers = await call.start()
            assert (status, headers["content-type"]) == (200, "text/event-stream")
            reader = Reader(call)

            events = await reader.until("done")

            assert [e.what for e in events if e.kind == "task"] == [
                "queued",
                "offered",
                "running",
                "replying",
                "done",
            ]
            assert events[0].seq == snapshot.seq + 1
            seqs = [event.seq for event in events]
            assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
            assert b"secret" not in msgspec.json.encode(reader.messages)


async def test_a_member_follows_their_own_tasks_and_all_nodes(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice, bob = await api.join("alice"), await api.join("bob")
        snapshot = await snapshot_of(api, bob)
        await api.club.add("attic", owner=alice.member)
        await ask(api, alice)
        await api.join("carol")
        await ask(api, bob)
        async with api.open("GET", since(snapshot), key=bob.key) as call:
            await call.start()

            events = await Reader(call).until("done")

        assert {event.kind for event in events} <= {"task", "node", "standing"}
        assert {e.task.member for e in events if e.task} == {bob.member.id}
        assert [e.what for e in events if e.kind == "node"] == ["joined"]


async def test_operators_are_told_of_members_and_roles(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        snapshot = await snapshot_of(api, alice)
        bob = await api.join("bob")
        path = f"/api/members/{bob.member.id}/role"
        await api.call("PUT", path, {"role": "treasurer"}, key=alice.key)
        async with api.open("GET", since(snapshot), key=alice.key) as call:
            await call.start()

            made, given = await Reader(call).until("role")

        assert (made.what, made.subject, made.detail) == (
            "joined",
            bob.member.id,
            "member",
        )
        assert (given.subject, given.detail) == (bob.member.id, "treasurer")


@pytest.mark.parametrize("how", ["another boot", "a later one", "a header"])
async def test_who_cannot_go_on_is_told_to_begin_anew(tmp_path: Path, how: str) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        now = await snapshot_of(api, alice)
        headers: dict[str, str] = {}
        path = "/api/events?since=0&boot=gone"
        if how == "a later one":
            path = f"/api/events?since={now.seq + 1}&boot={now.boot}"
        elif how == "a header":
            path, headers = since(now), {"last-event-id": "nonsense"}
        async with api.open("GET", path, key=alice.key, headers=headers) as call:
            await call.start()
            reader = Reader(call)
            await api.club.add("attic", owner=alice.member)
            await reader.until("joined")

        gap, *rest = reader.messages
        assert isinstance(gap, FeedGap)
        assert (gap.boot, gap.seq) == (now.boot, now.seq)
        assert not any(isinstance(each, FeedGap) for each in rest)


async def test_a_browser_goes_on_from_what_it_saw_last(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        first = await snapshot_of(api, alice)
        await api.club.add("attic", owner=alice.member)
        then = await snapshot_of(api, alice)
        await api.club.add("cellar", owner=alice.member)
        headers = {"last-event-id": f"{then.boot}:{then.seq}"}
        async with api.open(
            "GET", since(first), key=alice.key, headers=headers
        ) as call:
            await call.start()

            events = await Reader(call).until("joined")

        assert [e.node.name for e in events if e.node] == ["cellar"]


async def test_another_role_begins_anew(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice, bob = await api.join("alice"), await api.join("bob")
        before = await snapshot_of(api, bob)
        async with api.open("GET", since(before), key=bob.key) as call:
            await call.start()
            await call.part()
            path = f"/api/members/{bob.member.id}/role"
            await api.call("PUT", path, {"role": "operator"}, key=alice.key)
            more = True
            while more:
                _, more = await call.part()
        async with api.open("GET", since(before), key=bob.key) as call:
            await call.start()
            reader = Reader(call)
            await api.club.add("attic")
            await reader.until("joined")

        gap = reader.messages[0]
        assert isinstance(gap, FeedGap)
        assert gap.reason == "what you may see has changed"


async def test_the_events_end_with_the_coordinator(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        async with api.open("GET", "/api/events", key=alice.key) as call:
            await call.start()
            await call.part()

            await api.coordinator.close()

            more = True
            while more:
                _, more = await call.part()
            await call.ended.wait()
            assert call.error is None
        late = await api.call("GET", "/api/events", key=alice.key)
        assert late.body == b""


async def test_counts_come_without_an_event(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        async with api.open("GET", "/api/events", key=alice.key) as call:
            await call.start()
            part, _ = await call.part()

        [event] = SseReader().feed(part)
        stats = read_feed(event.name, event.data)
        assert isinstance(stats, FeedStats)
        assert stats.stats.members == 1


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("form=pictures", "form"),
        ("since=1", "boot"),
        ("since=1&boot=", "boot"),
        ("since=x&boot=b", "since"),
        ("since=-1&boot=b", "since"),
        (f"since=1&boot={'b' * 65}", "boot"),
    ],
)
async def test_what_cannot_be_asked(tmp_path: Path, query: str, param: str) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")

        refused = await api.call("GET", f"/api/events?{query}", key=alice.key)

        assert refused.status == 400
        assert error_of(refused)["param"] == param


@pytest.mark.parametrize("path", ["/api/snapshot", "/api/events"])
async def test_without_the_scope_nothing_is_shown(tmp_path: Path, path: str) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        wish: dict[str, Any] = {"scopes": ["chat"]}
        made = await api.call("POST", "/api/keys", wish, key=alice.key)
        assert made.status == 201, made.body
        key = made.json()["api_key"]

        refused = await api.call("GET", path, key=key)

        assert refused.status == 403
        assert (await api.call("GET", path)).status == 401


async def test_followers_count_as_connections(tmp_path: Path) -> None:
    edge = msgspec.structs.replace(EdgeLimits(), clients_per_member=1)
    async with api_club(tmp_path, edge=edge) as api:
        alice = await api.join("alice")
        async with api.open("GET", "/api/events", key=alice.key) as call:
            await call.start()
            await call.part()
            refused = await api.call("GET", "/api/events", key=alice.key)
            assert refused.status == 429
            call.disconnect()
            await call.ended.wait()

        head = await api.call("HEAD", "/api/events", key=alice.key)
        assert head.status == 200


async def test_everybody_is_told_that_a_month_is_closed(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice, bob = await api.join("alice"), await api.join("bob")
        snapshot = await snapshot_of(api, bob)
        done = await api.call("POST", "/api/months/2024-01/close", {}, key=alice.key)
        assert done.json()["closed"], done.body
        async with api.open("GET", since(snapshot), key=bob.key) as call:
            await call.start()

            [closed] = await Reader(call).until("closed")

        assert (closed.kind, closed.subject) == ("month", "2024-01")
