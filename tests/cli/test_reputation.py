from __future__ import annotations

from pathlib import Path

from support.commands import UpClub, clubai

PASSWORD = "correct horse battery staple"


def test_the_nodes_stand_in_a_table(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("reputation", home=tmp_path)

    assert done.code == 0
    head, *lines = done.out.splitlines()
    assert head.split()[:5] == ["Node", "Nickname", "Owner", "Points", "Escrow"]
    shown = {line.split()[0]: line for line in lines}  # other tests bring nodes, too
    assert {"node-1", "node-2"} <= set(shown)
    assert "probation" in shown["node-1"]


def test_json_has_stable_keys(club: UpClub, tmp_path: Path) -> None:
    every = club.clubai("reputation", "--json", home=tmp_path).json()
    one = club.clubai("reputation", "node-1", "--json", home=tmp_path).json()
    why = club.clubai("reputation", "node-1", "--why", "--json", home=tmp_path).json()

    assert set(every) == {"nodes", "verification"}
    assert one in every["nodes"] or one["name"] == "node-1"
    assert set(why) == {"node", "changes", "next"}
    assert why["changes"][-1]["change"] == "joined"


def test_every_change_is_shown_with_its_reason(club: UpClub, tmp_path: Path) -> None:
    flags = ("--url", club.url, "--password-stdin", "--json")
    invite = club.clubai("invite", "create", "--json", home=tmp_path).json()["invite"]
    guest = tmp_path / "guest"
    guest.mkdir()
    came = clubai(
        "register", "asker", *flags, "--invite", invite, home=guest, stdin=PASSWORD
    )
    assert came.code == 0, came.err
    asked = clubai("ask", "Say it", "--url", club.url, "--json", home=guest).json()
    [node] = asked["nodes"]

    done = club.clubai("reputation", node["name"], "--why", home=tmp_path)

    assert done.code == 0, done.err
    assert "in escrow" in done.out
    lines = [line for line in done.out.splitlines() if " completed " in line]
    assert lines, done.out
    assert "task:" in lines[0]
    assert "+10" in lines[0]


def test_what_cannot_be_shown_is_said(club: UpClub, tmp_path: Path) -> None:
    nobody = club.clubai("reputation", "cellar", "--json", home=tmp_path)
    no_node = club.clubai("reputation", "--why", home=tmp_path)

    assert nobody.code == 1
    assert "clubai reputation" in nobody.error()["message"]
    assert no_node.code == 2
    assert "--why needs a NODE" in no_node.err
