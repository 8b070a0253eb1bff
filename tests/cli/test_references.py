from __future__ import annotations

from pathlib import Path

from support.commands import UpClub


def test_a_node_is_trusted_and_not_any_more(club: UpClub, tmp_path: Path) -> None:
    told = club.clubai("node", "trust", "node-1", home=tmp_path)
    assert told.out == "node-1 is a reference now\n"
    shown = club.clubai("reputation", "node-1", "--json", home=tmp_path).json()
    assert shown["trusted"]

    done = club.clubai("node", "untrust", "node-1", "--json", home=tmp_path)
    assert done.json() == {"node": "node-1", "trusted": False}


def test_who_is_not_suspended_is_not_reinstated(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai(
        "node", "reinstate", "node-1", "--why", "x", "--json", home=tmp_path
    )

    assert done.code == 1
    assert "not suspended" in done.error()["message"]


def test_an_unknown_node_is_named(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("node", "trust", "cellar", home=tmp_path)

    assert done.code == 1
    assert "cellar" in done.err
