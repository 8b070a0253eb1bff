from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from clubai.crypto.identity import Identity
from clubai.errors import ConnectFailed
from clubai.model import node_text
from clubai.protocol.codec import decode_to_node, encode
from clubai.protocol.messages import (
    CloseCode,
    Goodbye,
    Hello,
    Message,
    NodeRegister,
    NodeRegistered,
    Welcome,
)
from clubai.transport.websocket import DialledStream, open_websocket
from support.api_calls import ApiClub, api_club, error_of
from support.node_calls import HOST, CallingNode, b64, token_of
from support.sealed_peers import PlayedNode
from support.serving import serving


class RealNode:
    """A node's connection over a real socket."""

    def __init__(self, node: CallingNode, stream: DialledStream) -> None:
        self.node = node
        self.stream = stream

    async def hear(self) -> Any:
        with anyio.fail_after(5):
            return decode_to_node(await self.stream.receive())

    async def register(
        self, *, identity: Identity | None = None, boot: bytes | None = None
    ) -> Message:
        identity = identity or self.node.identity
        boot = self.node.boot if boot is None else boot
        await self.stream.send(encode(Hello(versions=(1,))))
        welcome = await self.hear()
        assert isinstance(welcome, Welcome)
        played = self.node.played.setdefault(identity.key, PlayedNode(identity))
        bundle = played.bundle
        register = NodeRegister(
            key=identity.key,
            boot=boot,
            bundle=bundle.body,
            bundle_sig=bundle.sig,
            name="attic",
        )
        await self.stream.send(encode(register))
        answer: Message = await self.hear()
        return answer


@asynccontextmanager
async def connected(
    url: str, node: CallingNode, ticket: str
) -> AsyncIterator[RealNode]:
    async with open_websocket(f"{url}/nodes/connect", token=ticket) as stream:
        yield RealNode(node, stream)


async def enrolled(api: ApiClub, name: str = "alice", **wanted: Any) -> CallingNode:
    account = await api.join(name)
    node = CallingNode(api)
    reply = await node.enrol(await token_of(api, account.key, **wanted))
    assert reply.status == 201, reply.body
    return node


async def refused(url: str, ticket: str) -> ConnectFailed:
    with pytest.raises(ConnectFailed) as caught:
        async with open_websocket(f"{url}/nodes/connect", token=ticket):
            pytest.fail("connected")
    return caught.value


async def test_a_token_a_signature_and_a_ticket_bring_a_node_in(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        alice = await api.join("alice")
        node = CallingNode(api)

        made = await api.call("POST", "/api/enrolments", {}, key=alice.key)
        reply = await node.enrol(made.json()["token"], name="attic")
        login = await node.login()
        async with connected(url, node, login.json()["ticket"]) as real:
            answer = await real.register()

        assert (made.status, reply.status, login.status) == (201, 201, 200)
        assert set(made.json()) == {"id", "token", "expires_at", "confirm"}
        node_id = node.identity.node_id
        assert reply.json() == {
            "node": node_text(node_id),
            "state": "enrolled",
            "owner": "alice",
        }
        assert login.json()["owner"] == "alice"
        assert answer == NodeRegistered(node=node_id)
        [row] = await api.coordinator.store.nodes()
        assert (row.id, row.owner) == (node_id, alice.member.id)


async def test_a_ticket_opens_one_connection_and_no_key_opens_any(
    tmp_path: Path,
) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        node = await enrolled(api)
        bob = await api.join("bob")
        ticket = await node.ticket()
        async with connected(url, node, ticket) as real:
            await real.register()

        for bearer in (ticket, bob.key, "", "cwt_other"):
            assert (await refused(url, bearer)).status == 401


async def test_a_ticket_never_goes_by_the_query(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        ticket = await (await enrolled(api)).ticket()
        address = f"{url}/nodes/connect?ticket={ticket}"

        with pytest.raises(ConnectFailed) as caught:
            async with open_websocket(address):
                pytest.fail("connected")

        assert caught.value.status == 401
        assert ticket not in str(caught.value)


@pytest.mark.parametrize("wrong", ["identity", "boot"])
async def test_a_ticket_is_for_its_node_and_process(wrong: str, tmp_path: Path) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        node = await enrolled(api)
        changes: dict[str, Any] = {
            "identity": {"identity": Identity.generate()},
            "boot": {"boot": bytes(16)},
        }[wrong]

        async with connected(url, node, await node.ticket()) as real:
            answer = await real.register(**changes)

        assert isinstance(answer, Goodbye)
        assert answer.code == CloseCode.BAD_SIGNATURE
        assert await api.coordinator.store.nodes() == []


async def test_a_phishing_coordinator_that_relays_gets_nothing(tmp_path: Path) -> None:
    """It asks the real one for the challenge, and passes on what the node signs."""
    async with api_club(tmp_path, origins=("club.example",)) as api:
        alice = await api.join("alice")
        node = CallingNode(api, origin="club.example", host="club.example")
        token = await token_of(api, alice.key)
        assert (await node.enrol(token)).status == 201
        assert (await node.login()).status == 200

        node.origin = "evil.example"  # that is what the node has dialled
        for host in ("club.example", "evil.example"):
            node.host = host
            login = await node.login(await node.nonce())
            assert login.status == 401, host
            enrolment = await node.enrol(await token_of(api, alice.key))
            assert enrolment.status == 401, host

        assert "club.example" in error_of(login)["message"]


async def test_without_origins_the_host_of_the_request_counts(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        node = await enrolled(api)
        for origin, host, status in (
            (HOST, HOST.upper(), 200),
            ("club.example", "club.example:443", 200),
            ("evil.example", HOST, 401),
            (HOST, "", 401),
        ):
            node.origin, node.host = origin, host
            assert (await node.login()).status == status, host


async def test_what_was_said_once_is_refused_the_second_time(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        node = await enrolled(api)
        nonce = await node.nonce()
        assert (await node.login(nonce)).status == 200

        replayed = await node.login(nonce)

        assert replayed.status == 400
        assert error_of(replayed)["param"] == "nonce"


async def test_no_node_logs_in_with_anothers_nonce_or_signature(
    tmp_path: Path,
) -> None:
    async with api_club(tmp_path) as api:
        one, other = await enrolled(api), await enrolled(api, "bob")

        with_nonce = await one.login(await other.nonce())
        with_signature = await one.login(signer=other.identity)
        boot = await one.login(boot=b64(other.boot))

        assert [r.status for r in (with_nonce, with_signature, boot)] == [400, 401, 401]


async def test_ids_cannot_be_probed(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        known, stranger = await enrolled(api), CallingNode(api)

        replies = [
            await known.login(sig=b64(bytes(64))),
            await stranger.login(sig=b64(bytes(64))),
            await stranger.login(),
        ]

        assert [reply.status for reply in replies] == [401, 401, 401]
        assert len({reply.body for reply in replies}) == 1


async def test_a_wrong_clock_is_named(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        node = await enrolled(api)

        late = await node.login(now_ms=node.now_ms - 3_600_000)

        assert late.status == 400
        assert error_of(late)["param"] == "now_ms"
        assert "3600 s behind" in error_of(late)["message"]


@pytest.mark.parametrize("path", ["/nodes/challenge", "/nodes/login", "/nodes/enrol"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"node":"AAAA"}', b"[" * 60_000])
async def test_a_malformed_body_is_refused(
    path: str, body: bytes, tmp_path: Path
) -> None:
    async with api_club(tmp_path) as api:
        reply = await api.call("POST", path, body=body, headers={"host": HOST})

        assert reply.status == 400
        assert error_of(reply)["param"] == "body"


async def test_tokens_are_made_listed_and_ended_by_their_member(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        await api.join("root")
        alice, bob = await api.join("alice"), await api.join("bob")
        made = (await api.call("POST", "/api/enrolments", {}, key=alice.key)).json()
        path = f"/api/enrolments/{made['id']}"

        listed = await api.call("GET", "/api/enrolments", key=alice.key)
        assert [row["id"] for row in listed.json()["enrolments"]] == [made["id"]]
        assert made["token"].encode() not in listed.body
        others = await api.call("GET", "/api/enrolments", key=bob.key)
        assert others.json() == {"enrolments": []}
        foreign = await api.call("DELETE", path, key=bob.key)
        missing = await api.call("DELETE", "/api/enrolments/xxxxxxxx", key=bob.key)
        assert foreign.status == missing.status == 403

        assert (await api.call("DELETE", path, key=alice.key)).status == 204

        assert (await CallingNode(api).enrol(made["token"])).status == 401


async def test_five_open_tokens_are_enough_for_a_member(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        await api.join("root")
        alice = await api.join("alice")
        for _ in range(5):
            await token_of(api, alice.key)

        sixth = await api.call("POST", "/api/enrolments", {}, key=alice.key)

        assert sixth.status == 403
        assert "5 that are not used" in error_of(sixth)["message"]


@pytest.mark.parametrize(
    "body", [{"life_s": 0}, {"life_s": 1e9}, {"confirm": 1}, {"x": 1}]
)
async def test_a_wish_that_cannot_be_met_is_refused(
    body: dict[str, Any], tmp_path: Path
) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")

        reply = await api.call("POST", "/api/enrolments", body, key=alice.key)

        assert reply.status == 400


async def test_a_pending_node_is_let_in_by_its_owner_and_nobody_else(
    tmp_path: Path,
) -> None:
    async with api_club(tmp_path) as api:
        root = await api.join("root")
        alice, bob = await api.join("alice"), await api.join("bob")
        node = CallingNode(api)
        reply = await node.enrol(await token_of(api, alice.key, confirm=True))
        assert reply.json()["state"] == "pending"
        waiting = await node.login()
        assert waiting.status == 403
        assert node.nickname in error_of(waiting)["message"]
        path = f"/api/enrolled/{node.nickname}/confirmed"

        for account in (bob, root):
            foreign = await api.call("PUT", path, key=account.key)
            unknown = path.replace(node.nickname, "a" * 12)
            missing = await api.call("PUT", unknown, key=account.key)
            assert foreign.status == missing.status == 403
            text = foreign.body.replace(node.nickname.encode(), b"a" * 12)
            assert text == missing.body
        confirmed = await api.call("PUT", path, key=alice.key)

        assert (confirmed.status, confirmed.json()["state"]) == (200, "enrolled")
        assert (await node.login()).status == 200


async def test_a_member_sees_their_own_nodes_and_an_operator_all(
    tmp_path: Path,
) -> None:
    async with api_club(tmp_path) as api:
        root = await api.join("root")
        node = await enrolled(api)
        bob = await api.join("bob")

        async def seen(key: str, query: str = "") -> list[str]:
            reply = await api.call("GET", f"/api/enrolled{query}", key=key)
            return [row["nickname"] for row in reply.json()["nodes"]]

        assert await seen(bob.key) == []
        assert await seen(root.key) == []
        assert await seen(root.key, "?all=1") == [node.nickname]
        denied = await api.call("GET", "/api/enrolled?all=1", key=bob.key)
        assert denied.status == 403


async def test_a_removed_node_is_cut_off_and_its_ticket_with_it(
    tmp_path: Path,
) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        root = await api.join("root")
        node = await enrolled(api)
        bob = await api.join("bob")
        path = f"/api/enrolled/{node.nickname}"
        async with connected(url, node, await node.ticket()) as real:
            assert isinstance(await real.register(), NodeRegistered)
            spare = await node.ticket()
            assert (await api.call("DELETE", path, key=bob.key)).status == 403

            removed = await api.call("DELETE", path, key=root.key)

            assert removed.json()["state"] == "removed"
            goodbye = await real.hear()
        assert isinstance(goodbye, Goodbye)
        assert goodbye.code == CloseCode.NOT_YOURS
        assert (await refused(url, spare)).status == 401
        assert (await node.login()).status == 403


async def test_a_node_that_is_removed_while_it_comes_in_is_cut_off(
    tmp_path: Path,
) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        root = await api.join("root")
        node = await enrolled(api)
        async with connected(url, node, await node.ticket()) as real:
            path = f"/api/enrolled/{node.nickname}"
            await api.call("DELETE", path, key=root.key)

            goodbye = await real.hear()

        assert isinstance(goodbye, Goodbye)
        assert goodbye.code == CloseCode.NOT_YOURS


async def test_a_node_that_was_removed_unseen_is_not_taken_in(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        node = await enrolled(api)
        async with connected(url, node, await node.ticket()) as real:
            node_id = node.identity.node_id
            await api.coordinator.store.set_node_state(node_id, "removed", at=1.0)

            answer = await real.register()

        assert isinstance(answer, Goodbye)
        assert answer.code == CloseCode.NOT_YOURS
        assert await api.coordinator.store.nodes() == []


async def test_a_second_connection_ends_the_first(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        node = await enrolled(api)
        async with connected(url, node, await node.ticket()) as first:
            await first.register()
            async with connected(url, node, await node.ticket()) as second:
                assert isinstance(await second.register(), NodeRegistered)

                goodbye = await first.hear()

        assert isinstance(goodbye, Goodbye)
        assert goodbye.code == CloseCode.REPLACED


async def test_failures_of_one_address_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "clubai.coordinator.node_routes.address_of", lambda _request: "192.0.2.1"
    )
    async with api_club(tmp_path) as api:
        node = await enrolled(api)
        for _ in range(20):
            assert (await node.login(sig=b64(bytes(64)))).status == 401

        limited = await node.login()

        assert limited.status == 429
        assert int(limited.headers["retry-after"]) >= 1
