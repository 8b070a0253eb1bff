from __future__ import annotations

import base64
from pathlib import Path

import pytest

from clubai.crypto.bundles import countersign
from clubai.crypto.checkpoint import read_checkpoint
from clubai.crypto.keytext import key_text, read_key
from clubai.model import NodeId, node_text
from clubai.protocol.keylog import ClubKey, NodeLeaves, node_path, read_json
from support.api_calls import ApiClub, api_club, error_of
from support.bundles import bundle, identity

KEY = identity("alice's key")


async def logged(api: ApiClub, count: int) -> None:
    for number in range(count):
        each = bundle("attic" if number < 3 else f"node {number}", min(number, 3))
        await api.coordinator.keylog.append_bundle(each.body, each.sig)


async def test_anybody_reads_the_key_and_the_log(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        await logged(api, 3)
        told = read_json((await api.call("GET", "/api/trust")).body, ClubKey)
        note = await api.call("GET", "/log/checkpoint")

        point = read_checkpoint(note.body, key=read_key(told.key, "key"))

        assert (point.origin, point.size) == (told.origin, told.size)
        assert told.size == 3
        assert note.headers["content-type"] == "text/plain; charset=utf-8"
        assert note.headers["cache-control"] == "no-cache"
        assert read_key(told.key, "key") == api.coordinator.identity.key

        where = await api.call("GET", f"/log/{node_path(bundle('attic').node)}")
        leaves = read_json(where.body, NodeLeaves).leaves
        assert [leaf.index for leaf in leaves] == [0, 1, 2]


async def test_full_tiles_are_kept_for_ever_and_partial_ones_are_not(
    tmp_path: Path,
) -> None:
    async with api_club(tmp_path) as api:
        await logged(api, 257)

        for path in ("/log/tile/0/000", "/log/tile/entries/000"):
            full = await api.call("GET", path)
            assert "immutable" in full.headers["cache-control"]
            assert full.headers["content-type"] == "application/octet-stream"
        for path in ("/log/tile/0/001.p/1", "/log/tile/1/000.p/1"):
            partial = await api.call("GET", path)
            assert (partial.status, len(partial.body)) == (200, 32)
            assert "immutable" not in partial.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/log/tile/0/000",
        "/log/tile/0/000.p/1",
        "/log/tile/x",
        "/log/tile/../checkpoint",
        "/log/node/x",
        f"/log/node/{'a' * 52}",
        "/log/",
    ],
)
async def test_what_is_not_there_is_not_found(path: str, tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        missing = await api.call("GET", path)

        assert missing.status == 404
        assert error_of(missing)["code"] == "unknown_path"


async def test_an_owner_countersigns_a_node(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice, bob = await api.join("alice"), await api.join("bob")
        node = (await api.club.add("attic", owner=alice.member)).id
        path = f"/api/nodes/{node_text(node)}/owner"
        sig = countersign(KEY, node)
        body = {"key": key_text(KEY.key), "sig": base64.b64encode(sig).decode()}

        refused = await api.call("PUT", path, body, key=bob.key)
        assert refused.status == 403
        assert (await api.call("PUT", path, body)).status == 401
        assert api.coordinator.owners.own_sig(node) == b""

        done = await api.call("PUT", path, body, key=alice.key)

        assert (done.status, done.body) == (204, b"")
        assert api.coordinator.owners.own_sig(node) == sig


async def test_what_cannot_be_read_says_which_field(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        node = (await api.club.add("attic", owner=alice.member)).id
        path = f"/api/nodes/{node_text(node)}/owner"
        wrong = base64.b64encode(countersign(KEY, NodeId(bytes(32)))).decode()
        key = key_text(KEY.key)
        for at, body, field in (
            ("/api/nodes/attic/owner", {"key": key, "sig": wrong}, "node"),
            (path, {"key": "short", "sig": wrong}, "key"),
            (path, {"key": key, "sig": wrong}, "sig"),
            (path, {"key": key}, "body"),
        ):
            refused = await api.call("PUT", at, body, key=alice.key)

            assert (refused.status, error_of(refused)["param"]) == (400, field)
