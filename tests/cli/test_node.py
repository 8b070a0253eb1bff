from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from clubai.crypto.identity import Identity
from support.commands import UpClub, clubai, run, started
from support.thread_backend import parrot

AGENT = "clubai.cli.agent"


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    with parrot() as server:
        yield server.url


def nickname_in(home: Path) -> str:
    from clubai.model import node_nickname

    return node_nickname(Identity.load(home / "node" / "node.key").node_id)


def test_a_machine_with_nothing_but_the_printed_command_joins_and_comes_back(
    club: UpClub, tmp_path: Path, backend: str
) -> None:
    told = club.clubai("node", "enrol", home=tmp_path)
    assert told.code == 0, told.err
    [line] = [line for line in told.out.splitlines() if "--enrol cet_" in line]
    program, *arguments = shlex.split(line)
    assert program == "clubai-agent"
    assert told.out.count("cet_") == 1
    mine = ("--json", "--data", "node", "--name", "bare", "--backend-url", backend)

    with started(AGENT, *arguments, *mine, home=tmp_path) as agent:
        first = agent.ready()
        agent.stop()
    without = [*arguments[: arguments.index("--enrol")]]
    with started(AGENT, *without, *mine, home=tmp_path) as agent:
        again = agent.ready()
        agent.stop()

    assert first["node"] == again["node"]
    assert first["nickname"] == nickname_in(tmp_path)
    listed = club.clubai("node", "list", home=tmp_path)
    [row] = [line for line in listed.out.splitlines() if first["nickname"] in line]
    assert row.split()[:3] == [first["nickname"], "bare", "enrolled"]


def test_a_used_token_is_not_allowed(
    club: UpClub, tmp_path: Path, backend: str
) -> None:
    made = club.clubai("node", "enrol", "--json", home=tmp_path).json()
    assert made["coordinator"] == club.url.replace("http", "ws") + "/nodes/connect"
    used = {"CLUBAI_ENROL_TOKEN": made["token"], "CLUBAI_URL": club.url}
    mine = ("--json", "--backend-url", backend, "--name", "used", "--data")
    with started(AGENT, *mine, "node", home=tmp_path, **used) as agent:
        agent.ready()
        agent.stop()

    done = run(AGENT, *mine, "other", home=tmp_path, **used)

    assert done.code == 4
    error = json.loads(done.err.splitlines()[-1])["error"]
    assert "clubai node enrol" in error["message"]
    assert made["token"] not in done.err


def test_a_pending_node_is_confirmed_and_a_removed_one_stays_out(
    club: UpClub, tmp_path: Path, backend: str
) -> None:
    told = club.clubai("node", "enrol", "--confirm", home=tmp_path)
    assert "clubai node confirm NICKNAME" in told.out
    [token] = [word for word in told.out.split() if word.startswith("cet_")]
    mine = ("--backend-url", backend, "--data", "node", "--name", "waits")
    arguments = (AGENT, "--coordinator", club.url, *mine, "--enrol", token)

    waiting = run(*arguments, home=tmp_path)
    nickname = nickname_in(tmp_path)
    assert waiting.code == 4
    assert f"clubai node confirm {nickname}" in waiting.err
    listed = club.clubai("node", "list", "--json", home=tmp_path).json()["nodes"]
    [state] = [node["state"] for node in listed if node["nickname"] == nickname]
    assert state == "pending"

    confirmed = club.clubai("node", "confirm", nickname, home=tmp_path)
    assert confirmed.out == f"{nickname} (waits) is enrolled\n"
    with started(*arguments, "--json", home=tmp_path) as agent:
        assert agent.ready()["nickname"] == nickname
        removed = club.clubai("node", "remove", nickname, "--json", home=tmp_path)
        assert removed.json()["state"] == "removed"
        assert agent.popen.wait(30) == 1
    assert "removed" in agent.err()
    out = run(*arguments, home=tmp_path)
    assert out.code == 4
    assert "another data directory" in out.err


def test_a_node_that_is_not_there_is_not_allowed(club: UpClub, tmp_path: Path) -> None:
    for what in ("confirm", "remove"):
        done = club.clubai("node", what, "a" * 12, "--json", home=tmp_path)

        assert done.code == 4
        assert "clubai node list" in done.error()["message"]


def test_all_nodes_are_shown_to_an_operator_with_their_owners(
    club: UpClub, tmp_path: Path
) -> None:
    done = club.clubai("node", "list", "--all", home=tmp_path)

    head, *rows = done.out.splitlines()
    assert head.split() == ["Nickname", "Name", "State", "Enrolled", "Owner"]
    assert all("m_" in row for row in rows)


def test_without_a_key_nothing_is_made(club: UpClub, tmp_path: Path) -> None:
    done = clubai("node", "enrol", "--url", club.url, "--json", home=tmp_path)

    assert done.code == 4
    assert done.error()["code"] == "not_allowed"
