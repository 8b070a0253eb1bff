from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from support.commands import UpClub, clubai, started


def test_nodes_are_a_table_in_plain_columns(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("nodes", home=tmp_path)

    head, *rows = done.out.splitlines()
    assert done.code == 0
    assert head.split()[:3] == ["Node", "Id", "State"]
    assert sorted(row.split()[0] for row in rows) == ["node-1", "node-2"]
    assert all("alive" in row and "parrot" in row for row in rows)


def test_nodes_as_json(club: UpClub, tmp_path: Path) -> None:
    nodes = club.clubai("nodes", "--json", home=tmp_path).json()["nodes"]

    assert {node["name"] for node in nodes} == {"node-1", "node-2"}
    assert {node["state"] for node in nodes} == {"alive"}


def test_tasks_tell_what_happened_and_nothing_of_the_words(
    club: UpClub, tmp_path: Path
) -> None:
    asked = club.clubai("ask", "a secret question", "--json", home=tmp_path).json()

    done = club.clubai("tasks", "--json", home=tmp_path)

    newest = done.json()["tasks"][0]
    assert newest["id"] == asked["task"]
    assert newest["state"] == "done"
    assert "secret" not in done.out
    table = club.clubai("tasks", home=tmp_path).out
    assert asked["task"][:8] in table
    assert "secret" not in table


def test_stats_count_and_list_the_models(club: UpClub, tmp_path: Path) -> None:
    found = club.clubai("stats", "--json", home=tmp_path).json()
    text = club.clubai("stats", home=tmp_path).out

    assert found["stats"]["nodes_alive"] == 2
    assert [model["name"] for model in found["models"]] == ["parrot"]
    assert "2 alive of 2" in text
    assert "parrot" in text


@pytest.mark.parametrize("command", ["nodes", "tasks"])
def test_watching_as_json_is_a_line_a_change_until_stopped(
    command: str, club: UpClub, tmp_path: Path
) -> None:
    with started(
        *("clubai.cli", command, "--watch", "--json", "--url", club.url),
        home=tmp_path,
        CLUBAI_API_KEY=club.api_key,
    ) as watching:
        assert command in json.loads(watching.line())
        club.clubai("ask", "Hello", home=tmp_path)
        assert command in json.loads(watching.line())

        assert watching.stop(signal.SIGINT) == 0
        assert watching.err() == ""


@pytest.mark.parametrize("command", ["nodes", "tasks", "stats"])
def test_without_a_key_it_is_not_allowed(
    command: str, club: UpClub, tmp_path: Path
) -> None:
    done = clubai(command, "--json", "--url", club.url, home=tmp_path)

    assert done.code == 4
    assert "clubai login" in done.error()["fix"]


@pytest.mark.parametrize("command", ["nodes", "tasks", "stats"])
def test_without_a_club_it_is_unreachable(command: str, tmp_path: Path) -> None:
    done = clubai(command, "--json", "--url", "http://127.0.0.1:9", home=tmp_path)

    assert done.code == 3
    assert done.error()["code"] == "unreachable"
