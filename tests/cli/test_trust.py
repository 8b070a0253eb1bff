from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clubai.crypto.keytext import key_text
from support.bundles import identity
from support.commands import Done, clubai
from support.key_server import KeyServer, key_server

OWNER = key_text(identity("bob's key").key)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyServer]:
    with key_server(tmp_path_factory.mktemp("club")) as server:
        yield server


class Member:
    """One user of the commands, with a home of their own."""

    def __init__(self, server: KeyServer, home: Path) -> None:
        self.server = server
        self.home = home

    def trust(self, *arguments: str) -> Done:
        return clubai(
            "trust",
            *arguments,
            home=self.home,
            CLUBAI_URL=self.server.url,
            CLUBAI_API_KEY=self.server.api_key,
        )

    def json(self, *arguments: str) -> Any:
        return self.trust(*arguments, "--json").json()


@pytest.fixture
def member(server: KeyServer, tmp_path: Path) -> Member:
    return Member(server, tmp_path)


def test_verify_pins_the_key_and_says_that_all_is_well(member: Member) -> None:
    assert member.json("show")["key"] == ""

    done = member.trust("verify")

    key = key_text(member.server.coordinator.identity.key)
    assert (done.code, done.out.splitlines()[-1]) == (0, "all is well")
    shown = member.json("show")
    assert shown["key"] == key
    assert [node["id"] for node in shown["nodes"]] == [member.server.node_id]
    found = member.json("verify")
    assert (found["ok"], found["key"], found["problems"]) == (True, key, [])
    assert found["nodes"] == [member.server.node_id]
    text = member.trust("show").out
    assert key in text
    assert member.server.node_id[:12] in text


def test_verify_says_what_is_wrong_and_fails(member: Member) -> None:
    member.trust("verify")
    member.json("pin", "--club", OWNER)

    done = member.trust("verify", "--json")

    assert done.code == 1
    assert '"code": "coordinator_changed"' in done.out
    assert done.err == ""
    assert "WRONG: club:" in member.trust("verify").out


def test_older_keys_than_before_are_wrong(member: Member) -> None:
    member.server.log(member.server.bundle(9))
    assert member.trust("verify").code == 0
    member.server.log(member.server.bundle(8))

    done = member.trust("verify")

    assert done.code == 1
    assert "WRONG: node attic" in done.out
    assert "epoch_rollback" in done.out
    member.server.log(member.server.bundle(10))


def test_without_a_club_it_is_unreachable(tmp_path: Path) -> None:
    done = clubai("trust", "verify", "--url", "http://127.0.0.1:9", home=tmp_path)

    assert done.code == 3


def test_without_a_key_the_nodes_are_not_told(
    server: KeyServer, tmp_path: Path
) -> None:
    done = clubai("trust", "verify", "--url", server.url, home=tmp_path)

    assert done.code == 4


def test_pins_come_and_go(member: Member) -> None:
    member.trust("verify")
    node = member.server.node_id

    shown = member.json("pin", node[:12], "--owner", OWNER.upper())
    assert (shown["pinned_nodes"], shown["pinned_owners"]) == ([node], [OWNER])
    assert member.json("pin", node) == shown
    assert "nothing to change" in member.trust("pin", node).out

    shown = member.json("unpin", node[:12], "--owner", OWNER)
    assert (shown["pinned_nodes"], shown["pinned_owners"]) == ([], [])
    assert member.trust("unpin", node).code == 2
    assert member.json("show") == shown


@pytest.mark.parametrize(
    "arguments",
    [
        ("pin",),
        ("unpin",),
        ("pin", "nobody"),
        ("pin", "--owner", "short"),
        ("pin", "--club", "short"),
        ("policy", "--min-age-days", "-1"),
    ],
)
def test_what_cannot_be_pinned_is_wrong_usage_and_changes_nothing(
    member: Member, arguments: tuple[str, ...]
) -> None:
    before = member.json("show")

    done = member.trust(*arguments)

    assert (done.code, done.out) == (2, "")
    assert member.json("show") == before


def test_the_policy_is_chosen_and_kept(member: Member) -> None:
    default = {"pinned": False, "owners": False, "min_age_days": 0}
    assert member.json("policy")["policy"] == default

    member.json("policy", "--pinned-only", "--min-age-days", "7")
    chosen = member.json("policy", "--owners-only")["policy"]

    assert chosen == {"pinned": True, "owners": True, "min_age_days": 7}
    back = ("--any-node", "--any-owner", "--min-age-days", "0")
    assert member.json("policy", *back)["policy"] == default
    assert "any node of the club" in member.trust("policy").out


def test_an_owner_countersigns_a_node(member: Member) -> None:
    key = member.json("key")["key"]
    assert member.trust("key").out == f"{key}\n"

    for name in ("attic", member.server.node_id[:12]):
        done = member.json("own", name)
        assert done == {"node": member.server.node_id, "key": key}

    owners = member.server.coordinator.owners
    assert len(owners.own_sig(member.server.node.id)) == 64
    assert key in member.trust("own", "attic").out
    assert member.trust("own", "cellar").code == 2


def test_another_club_is_another_file(member: Member) -> None:
    member.json("policy", "--pinned-only")

    elsewhere = member.json("show", "--url", "http://other.example")

    assert elsewhere["policy"]["pinned"] is False


def test_a_damaged_file_is_said(member: Member) -> None:
    file = Path(member.json("policy", "--pinned-only")["file"])
    file.write_text("{")

    done = member.trust("show", "--json")

    assert done.code == 2
    assert "damaged" in done.error()["message"]
