from __future__ import annotations

import json
from pathlib import Path

from support.commands import UpClub, clubai

PASSWORD = "correct horse battery staple"


def register(club: UpClub, name: str, home: Path) -> None:
    flags = ("--url", club.url, "--password-stdin")
    assert clubai("register", name, *flags, home=home, stdin=PASSWORD).code == 0


def test_a_role_is_given_and_shown(club: UpClub, tmp_path: Path) -> None:
    register(club, "ruth", tmp_path)
    assert clubai("audit", home=tmp_path).code == 4

    given = club.clubai("member", "role", "RUTH", "auditor", home=tmp_path)

    assert given.out == "ruth is auditor now\n"
    assert clubai("audit", home=tmp_path).code == 0
    listed = clubai("member", "list", home=tmp_path).out
    [line] = [line for line in listed.splitlines() if line.startswith("ruth ")]
    assert line.split()[2] == "auditor"
    members = clubai("member", "list", "--json", home=tmp_path).json()["members"]
    [ruth] = [each for each in members if each["name"] == "ruth"]
    assert set(ruth) == {
        *("id", "name", "role", "created_at"),
        *("tasks_today", "tokens_today", "last_asked_at", "tokens_30d"),
    }

    back = club.clubai("member", "role", ruth["id"], "member", "--json", home=tmp_path)

    assert back.json() == {**ruth, "role": "member"}
    refused = clubai("audit", "--json", home=tmp_path)
    assert refused.error()["code"] == "not_allowed"


def test_only_an_operator_gives_roles(club: UpClub, tmp_path: Path) -> None:
    register(club, "sam", tmp_path)

    refused = clubai("member", "role", "sam", "operator", home=tmp_path)

    assert refused.code == 4


def test_the_last_operator_stays_one(club: UpClub, tmp_path: Path) -> None:
    refused = club.clubai("member", "role", "operator", "member", home=tmp_path)

    assert refused.code == 4
    assert "last operator" in refused.err


def test_nobody_unknown_and_no_unknown_role(club: UpClub, tmp_path: Path) -> None:
    nobody = club.clubai("member", "role", "nobody", "auditor", home=tmp_path)
    king = club.clubai("member", "role", "operator", "king", home=tmp_path)

    assert (nobody.code, king.code) == (2, 2)
    assert "nobody" in nobody.err


def test_the_stored_login_has_its_members_role(club: UpClub, tmp_path: Path) -> None:
    register(club, "tess", tmp_path)
    stored = json.loads((tmp_path / ".config/clubai/login.json").read_text())
    keys = clubai("key", "list", "--json", home=tmp_path).json()["keys"]

    assert [(key["id"], key["login"]) for key in keys] == [(stored["key_id"], True)]
