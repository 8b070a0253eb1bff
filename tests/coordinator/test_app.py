from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import anyio
import httpx
import msgspec
import pytest

from clubai.agent.agent import Agent
from clubai.agent.config import AgentConfig
from clubai.client import Client
from clubai.coordinator import feed_routes
from clubai.coordinator.account_routes import Credentials
from clubai.errors import AuthenticationError, ConnectFailed, StorageError
from clubai.model import ClubSnapshot
from clubai.protocol.messages import SUBPROTOCOL
from clubai.storage import ApiKeyRow, MemoryStore
from clubai.transport.websocket import open_websocket
from support.api_calls import PASSWORD, ApiClub, api_club, error_of
from support.asgi_driver import Call
from support.scripted_backend import ScriptedBackend, say
from support.serving import serving
from support.websocket_peers import raw_peer

ALICE = {"name": "alice", "password": PASSWORD}
GUARDED = [
    ("GET", "/api/me"),
    ("POST", "/api/keys"),
    ("GET", "/api/keys"),
    ("DELETE", "/api/keys/abcdefgh"),
    ("GET", "/api/nodes"),
    ("GET", "/api/models"),
    ("GET", "/api/tasks"),
    ("GET", "/api/stats"),
    ("GET", "/api/events"),
    ("GET", "/metrics"),
]


async def test_from_an_account_to_a_key_that_is_ended(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        made = await api.call("POST", "/api/register", ALICE)
        assert made.status == 201
        member = made.json()["member"]
        assert (member["name"], member["role"]) == ("alice", "operator")

        login = (await api.call("POST", "/api/login", ALICE)).json()
        assert (login["token_type"], login["member"]) == ("Bearer", member)
        token = login["access_token"]
        me = await api.call("GET", "/api/me", key=token)
        assert me.status == 200
        assert {**me.json(), "grants": None} == {**member, "grants": None}
        assert me.json()["grants"]["login"] is True

        created = await api.call("POST", "/api/keys", {"label": "laptop"}, key=token)
        assert created.status == 201
        key = created.json()["api_key"]
        me = (await api.call("GET", "/api/me", key=key)).json()
        assert (me["id"], me["role"]) == (member["id"], "member")
        assert me["grants"]["key_id"] == created.json()["id"]

        listed = await api.call("GET", "/api/keys", key=token)
        [shown] = listed.json()["keys"]
        assert list(shown) == [
            *("id", "label", "created_at", "revoked_at", "scopes", "models"),
            *("monthly_tokens", "expires_at", "login"),
        ]
        assert (shown["id"], shown["label"]) == (created.json()["id"], "laptop")
        assert shown["revoked_at"] is None
        assert key.encode() not in listed.body

        ended = await api.call("DELETE", f"/api/keys/{shown['id']}", key=key)
        assert (ended.status, ended.body) == (204, b"")
        assert (await api.call("GET", "/api/me", key=key)).status == 401
        [shown] = (await api.call("GET", "/api/keys", key=token)).json()["keys"]
        assert shown["revoked_at"] is not None


async def test_the_second_account_is_a_members(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        await api.join("alice")
        bob = {"name": "bob", "password": PASSWORD}

        made = await api.call("POST", "/api/register", bob)

        assert made.json()["member"]["role"] == "member"
        assert api.coordinator.feed.stats().members == 2


async def test_a_closed_club_takes_no_second_account(tmp_path: Path) -> None:
    async with api_club(tmp_path, registration="closed") as api:
        await api.join("alice")

        refused = await api.call("POST", "/api/register", {**ALICE, "name": "bob"})

        assert refused.status == 403
        assert error_of(refused)["type"] == "permission_error"


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"name": "no body"}, "name"), ({"password": "short"}, "password")],
)
async def test_an_account_that_cannot_be_says_which_field(
    changes: dict[str, str], field: str, tmp_path: Path
) -> None:
    async with api_club(tmp_path) as api:
        refused = await api.call("POST", "/api/register", {**ALICE, **changes})

        assert refused.status == 400
        error = error_of(refused)
        assert error["param"] == field
        assert "short" not in error["message"]


async def test_another_members_key_is_not_ended(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice, bob = await api.join("alice"), await api.join("bob")
        [row] = await api.coordinator.accounts.list_api_keys(alice.member.id)

        refused = await api.call("DELETE", f"/api/keys/{row.id}", key=bob.key)

        assert refused.status == 403
        assert error_of(refused)["code"] == "permission_denied"
        assert (await api.call("GET", "/api/me", key=alice.key)).status == 200


async def test_a_key_without_a_label_needs_no_body(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")

        assert (await api.call("POST", "/api/keys", key=alice.key)).status == 201


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize(
    "authorization", ["", "Bearer ", "Basic YTpi", "Bearer cak_no", "Bearer a.b.c"]
)
async def test_nobody_unknown_gets_in(
    method: str, path: str, authorization: str, tmp_path: Path
) -> None:
    async with api_club(tmp_path) as api:
        headers = {"authorization": authorization} if authorization else {}

        refused = await api.call(method, path, headers=headers)

        assert refused.status == 401
        assert refused.headers["www-authenticate"] == 'Bearer realm="clubai"'
        assert error_of(refused)["type"] == "authentication_error"


async def test_the_scheme_is_read_in_any_case(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        headers = {"authorization": f"bEARER   {alice.key} "}

        assert (await api.call("GET", "/api/me", headers=headers)).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"name": "alice"}',
        b'{"name": "alice", "password": 7}',
        b'{"name": "alice", "password": "correct horse", "role": "operator"}',
        b'{"name": "\xff", "password": "correct horse"}',
        b'{"name": "\\ud800", "password": "correct horse"}',
        b"[" * 60_000,
    ],
)
@pytest.mark.parametrize("path", ["/api/register", "/api/login"])
async def test_a_wrong_body_is_refused(path: str, body: bytes, tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        refused = await api.call("POST", path, body=body)

        assert refused.status == 400
        error = error_of(refused)
        assert (error["type"], error["param"]) == ("invalid_request_error", "body")
        assert "horse" not in error["message"]
        assert await api.coordinator.store.count_members() == 0


async def test_a_body_without_end_is_refused_early(tmp_path: Path) -> None:
    async with (
        api_club(tmp_path) as api,
        api.open("POST", "/api/register", body=None) as call,
    ):
        for _ in range(3):
            call.put_body(b" " * 30_000, more=True)

        refused = await call.response()

        assert refused.status == 413
        assert error_of(refused)["code"] == "request_too_large"


async def test_a_reader_who_goes_within_the_body_is_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        api_club(tmp_path) as api,
        api.open("POST", "/api/register", body=None) as call,
    ):
        call.put_body(b"{", more=True)
        call.disconnect()

        await call.response()

        await call.ended.wait()
        assert call.error is None
        assert caplog.records == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/api/me", "GET, HEAD"),
        ("PUT", "/api/keys", "GET, HEAD, POST"),
        ("GET", "/api/keys/abc", "DELETE"),
        ("GET", "/api/login", "POST"),
        ("OPTIONS", "/api/stats", "GET, HEAD"),
        ("POST", "/health", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_says_the_right_ones(
    method: str, path: str, allowed: str, tmp_path: Path
) -> None:
    async with api_club(tmp_path) as api:
        refused = await api.call(method, path)

        assert (refused.status, refused.headers["allow"]) == (405, allowed)
        error = error_of(refused)
        assert error["code"] == "method_not_allowed"
        assert allowed in error["message"]


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/me/", "/api/<b>", "/nope"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_path_is_said_to_be_one(
    method: str, path: str, tmp_path: Path
) -> None:
    async with api_club(tmp_path) as api:
        refused = await api.call(method, path)

        assert refused.status == 404
        error = error_of(refused)
        assert (error["type"], error["code"]) == ("not_found_error", "unknown_path")
        assert path in error["message"]


@pytest.mark.parametrize("path", ["/nodes/connect", "/clients/connect"])
async def test_a_path_of_websockets_says_what_was_lost(
    path: str, tmp_path: Path
) -> None:
    async with api_club(tmp_path) as api:
        refused = await api.call("GET", path)

        assert (refused.status, refused.headers["upgrade"]) == (426, "websocket")
        assert "proxy" in error_of(refused)["message"]


async def test_passwords_cannot_be_tried_for_long(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        await api.join("alice")
        wrong = {**ALICE, "password": "wrong horse"}
        for _ in range(5):
            refused = await api.call("POST", "/api/login", wrong)
            assert refused.status == 401
            assert refused.headers["www-authenticate"]

        limited = await api.call("POST", "/api/login", ALICE)

        assert limited.status == 429
        assert 1 <= int(limited.headers["retry-after"]) <= 12
        error = error_of(limited)
        assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limited")


async def test_tries_of_one_address_are_counted_together(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        for number in range(10):
            wrong = {**ALICE, "name": f"no body {number}"}
            assert (await api.call("POST", "/api/login", wrong)).status == 401
        account = {**ALICE, "password": "long enough"}
        for number in range(10):
            account["name"] = "alice"
            status = (await api.call("POST", "/api/register", account)).status
            assert status == (201 if number == 0 else 400)

        for path in ("/api/register", "/api/login"):
            limited = await api.call("POST", path, {**ALICE, "name": "bob"})
            assert limited.status == 429
            assert "address" in error_of(limited)["message"]


async def test_nodes_models_and_stats_are_shown(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        await api.club.add(
            "attic", ScriptedBackend(models=("m", "n"), slots=3), owner=alice.member
        )

        nodes = (await api.call("GET", "/api/nodes", key=alice.key)).json()["nodes"]
        models = (await api.call("GET", "/api/models", key=alice.key)).json()["models"]
        stats = (await api.call("GET", "/api/stats", key=alice.key)).json()

        [node] = nodes
        assert (node["name"], node["owner"], node["state"]) == (
            "attic",
            "alice",
            "alive",
        )
        assert node["slots"] == 3
        assert [(model["name"], model["slots_free"]) for model in models] == [
            ("m", 3),
            ("n", 3),
        ]
        assert (stats["nodes_alive"], stats["slots"], stats["members"]) == (1, 3, 1)


async def shown_tasks(api: ApiClub, key: str, query: str = "") -> list[dict[str, Any]]:
    response = await api.call("GET", f"/api/tasks{query}", key=key)
    tasks: list[dict[str, Any]] = response.json()["tasks"]
    return tasks


async def test_members_see_their_own_tasks_and_operators_all(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice, bob = await api.join("alice"), await api.join("bob")
        await api.club.add("attic", owner=alice.member)
        for account, times in ((alice, 1), (bob, 2)):
            async with api.club.client(account.member) as client:
                for _ in range(times):
                    await client.ask("the secret question", model="m")

        hers, his = await shown_tasks(api, alice.key), await shown_tasks(api, bob.key)

        assert [task["member"] for task in his] == [bob.member.id] * 2
        assert [task["member"] for task in hers] == [
            *[bob.member.id] * 2,
            alice.member.id,
        ]
        assert {task["state"] for task in hers} == {"done"}
        assert "secret question" not in str(hers)
        assert await shown_tasks(api, alice.key, "?limit=2") == hers[:2]
        assert await shown_tasks(api, bob.key, "?limit=1") == his[:1]
        assert await shown_tasks(api, bob.key, "?limit=0") == []


@pytest.mark.parametrize("limit", ["-1", "x", "", "1e3", "9999999", "٣"])
async def test_a_limit_that_is_none_is_refused(limit: str, tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")

        refused = await api.call("GET", f"/api/tasks?limit={limit}", key=alice.key)

        assert refused.status == 400
        assert error_of(refused)["param"] == "limit"


async def next_snapshot(call: Call) -> ClubSnapshot:
    part, more = await call.part()
    assert more
    assert part.startswith(b"data: ")
    assert part.endswith(b"\n\n")
    return msgspec.json.decode(part[6:], type=ClubSnapshot)


async def test_the_feed_says_what_changes_until_its_reader_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_routes, "SNAPSHOT_SECONDS", 0.01)
    async with api_club(tmp_path) as api:
        alice, bob = await api.join("alice"), await api.join("bob")
        async with api.open("GET", "/api/events?form=snapshots", key=bob.key) as call:
            status, headers = await call.start()
            assert (status, headers["content-type"]) == (200, "text/event-stream")
            assert headers["cache-control"] == "no-cache"
            assert (await next_snapshot(call)).nodes == ()

            await api.club.add("attic", owner=alice.member)

            [node] = (await next_snapshot(call)).nodes
            assert node.name == "attic"
            async with api.club.client(alice.member) as client:
                await client.ask("Q", model="m")
            while (snapshot := await next_snapshot(call)).stats.tasks_done == 0:
                pass
            assert snapshot.tasks == ()

            call.disconnect()
            await call.ended.wait()
            assert call.error is None


async def test_the_feed_ends_when_the_coordinator_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_routes, "SNAPSHOT_SECONDS", 0.01)
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        async with api.open("GET", "/api/events?form=snapshots", key=alice.key) as call:
            await call.start()
            await next_snapshot(call)

            await api.coordinator.close()

            more = True
            while more:
                _, more = await call.part()
            await call.ended.wait()
            assert call.error is None


async def test_asking_for_the_feeds_head_ends(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")

        head = await api.call("HEAD", "/api/events?form=snapshots", key=alice.key)

        assert (head.status, head.body) == (200, b"")


async def test_health_needs_no_key(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        response = await api.call("GET", "/health")

        assert (response.status, response.json()) == (200, {"status": "ok"})


async def test_ready_means_that_facts_are_stored_and_work_is_taken(
    tmp_path: Path,
) -> None:
    async with api_club(tmp_path) as api:
        ready = await api.call("GET", "/ready")
        assert (ready.status, ready.json()) == (200, {"status": "ready"})

        api.coordinator.driver.storing = False
        full = await api.call("GET", "/ready")
        assert full.status == 503
        assert "store" in full.json()["status"]

        api.coordinator.driver.storing = True
        await api.coordinator.close()
        stopping = await api.call("GET", "/ready")
        assert (stopping.status, stopping.json()) == (503, {"status": "stopping"})
        assert (await api.call("GET", "/health")).status == 200


async def test_metrics_are_in_prometheus_text(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")

        response = await api.call("GET", "/metrics", key=alice.key)

        assert response.status == 200
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert b"clubai_members 1.0\n" in response.body


async def test_the_page_escapes_the_clubs_name(tmp_path: Path) -> None:
    async with api_club(tmp_path, name="<script>alert(1)</script> & {name}") as api:
        page = await api.call("GET", "/")

        assert page.status == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert b"<script>" not in page.body
        assert page.body.count(b"&lt;script&gt;alert(1)&lt;/script&gt; &amp; {nam") == 2


class BrokenStore(MemoryStore):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error
        self.broken = False

    async def api_key(self, key_id: str) -> ApiKeyRow | None:
        if self.broken:
            raise self.error
        return await super().api_key(key_id)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StorageError("/srv/club.db", "disk full"), 503, "storage"),
        (ZeroDivisionError("/srv/club.db"), 500, "internal"),
    ],
)
async def test_what_fails_inside_is_for_the_operator(
    error: Exception,
    status: int,
    code: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = BrokenStore(error)
    async with api_club(tmp_path, store=store) as api:
        accounts = api.coordinator.accounts
        row = await accounts.register("alice", PASSWORD)
        alice = await accounts.create_api_key(row.id, "")
        store.broken = True

        failed = await api.call("GET", "/api/me", key=alice.text)

        assert failed.status == status
        assert error_of(failed)["code"] == code
        assert b"/srv" not in failed.body
        assert ("retry-after" in failed.headers) == (status == 503)
        [record] = [r for r in caplog.records if r.levelno == logging.ERROR]
        assert "/srv/club.db" in record.getMessage()
        assert alice.text not in caplog.text


@pytest.mark.parametrize("path", ["/nodes/connect", "/clients/connect"])
@pytest.mark.parametrize("token", ["", "cak_no", "a.b.c"])
async def test_a_websocket_of_nobody_is_refused_before_the_upgrade(
    path: str, token: str, tmp_path: Path
) -> None:
    async with (
        api_club(tmp_path) as api,
        serving(api.app) as url,
        raw_peer(url) as peer,
    ):
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""

        head, body = await upgrade(peer, path, bearer)

        assert head.startswith("HTTP/1.1 401 ")
        assert 'www-authenticate: bearer realm="clubai"' in head.lower()
        assert body["error"]["type"] == "authentication_error"


async def upgrade(peer: Any, path: str, headers: str) -> tuple[str, dict[str, Any]]:
    """Ask for an upgrade that is refused; give the head and the JSON body."""
    await peer.send(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{headers}\r\n".encode()
    )
    with anyio.fail_after(5):
        head = (await peer.until(b"\r\n\r\n")).decode()
        lengths = [
            int(line.partition(":")[2])
            for line in head.splitlines()
            if line.lower().startswith("content-length:")
        ]
        body = await peer.exactly(lengths[0])
    return head, msgspec.json.decode(body)


async def test_no_page_of_a_browser_connects_as_a_node(tmp_path: Path) -> None:
    async with (
        api_club(tmp_path) as api,
        serving(api.app) as url,
        raw_peer(url) as peer,
    ):
        alice = await api.join("alice")
        headers = f"Authorization: Bearer {alice.key}\r\nOrigin: http://evil\r\n"

        head, body = await upgrade(peer, "/nodes/connect", headers)

        assert head.startswith("HTTP/1.1 403 ")
        assert body["error"]["code"] == "permission_denied"
        assert "web page" in body["error"]["message"]


async def test_a_websocket_to_nowhere_is_told_so(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        with pytest.raises(ConnectFailed) as refused:
            async with open_websocket(f"{url}/nodes/conect", token="t"):
                pytest.fail("connected")

        assert refused.value.status == 404
        assert "/nodes/conect" in refused.value.reason


async def test_the_subprotocol_is_chosen_when_offered(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        alice = await api.join("alice")
        headers = (
            b"GET /clients/connect HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Authorization: Bearer " + alice.key.encode() + b"\r\n"
        )
        for offered, chosen in (
            (f"Sec-WebSocket-Protocol: x, {SUBPROTOCOL}\r\n", True),
            ("Sec-WebSocket-Protocol: x\r\n", False),
            ("", False),
        ):
            async with raw_peer(url) as peer:
                await peer.send(headers + offered.encode() + b"\r\n")
                with anyio.fail_after(5):
                    head = (await peer.until(b"\r\n\r\n")).decode().lower()
            assert head.startswith("http/1.1 101 ")
            line = f"sec-websocket-protocol: {SUBPROTOCOL}\r\n"
            assert (line in head) == chosen
            assert ("sec-websocket-protocol" in head) == chosen


async def test_node_client_and_http_meet_at_one_address(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        alice = await api.join("alice")
        config = AgentConfig(
            coordinator_url=url, token=alice.key, name="attic", data=tmp_path / "node"
        )
        with anyio.fail_after(10):
            async with Agent.open(config, backend=ScriptedBackend(say("hi"))) as agent:
                await agent.joined()
                async with Client.connect(url, alice.key) as client:
                    assert (await client.ask("Q", model="m")).text == "hi"
                async with httpx.AsyncClient(
                    headers={"authorization": f"Bearer {alice.key}"}
                ) as http:
                    [task] = (await http.get(f"{url}/api/tasks")).json()["tasks"]
        assert (task["node_name"], task["member"]) == ("attic", alice.member.id)


async def test_a_key_that_was_ended_connects_no_more(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        alice = await api.join("alice")
        async with Client.connect(url, alice.key):
            pass
        await api.call("DELETE", f"/api/keys/{alice.key.split('_')[1]}", key=alice.key)

        with pytest.raises(AuthenticationError, match="revoked"):
            async with Client.connect(url, alice.key):
                pytest.fail("connected")


def test_credentials_do_not_show_the_password() -> None:
    assert PASSWORD not in repr(Credentials(name="alice", password=PASSWORD))
