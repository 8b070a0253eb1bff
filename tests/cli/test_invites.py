from __future__ import annotations

from pathlib import Path

from support.commands import UpClub, clubai

PASSWORD = "correct horse battery staple"


def test_a_guest_registers_with_the_invite(club: UpClub, tmp_path: Path) -> None:
    made = club.clubai("invite", "create", home=tmp_path)
    token = made.out.strip()
    assert token.startswith("civ_")
    assert f"clubai register NAME --url {club.url} --invite {token}" in made.err

    home = tmp_path / "guest"
    home.mkdir()
    flags = ("--url", club.url, "--invite", token, "--password-stdin", "--json")
    came = clubai("register", "guest", *flags, home=home, stdin=PASSWORD)
    late = clubai("register", "late", *flags, home=home, stdin=PASSWORD)

    assert came.json()["name"] == "guest"
    assert late.code == 4
    assert "used" in late.error()["message"]
    listed = club.clubai("invite", "list", home=tmp_path).out
    [line] = [line for line in listed.splitlines() if token.split("_")[1] in line]
    assert line.split()[1] == "used"
    assert token not in listed


def test_an_invite_is_revoked(club: UpClub, tmp_path: Path) -> None:
    made = club.clubai("invite", "create", "--json", home=tmp_path).json()

    done = club.clubai("invite", "revoke", made["id"], "--json", home=tmp_path)

    assert done.json() == {"id": made["id"], "revoked": True}
    invites = club.clubai("invite", "list", "--json", home=tmp_path).json()["invites"]
    [shown] = [each for each in invites if each["id"] == made["id"]]
    assert shown["state"] == "revoked"
    again = club.clubai("invite", "revoke", made["id"], home=tmp_path)
    assert again.code == 4


def test_three_are_open_at_most(club: UpClub, tmp_path: Path) -> None:
    made = [club.clubai("invite", "create", "--json", home=tmp_path) for _ in range(4)]
    try:
        assert [done.code for done in made] == [0, 0, 0, 4]
        assert "revoke one first" in made[3].error()["message"]
    finally:
        for done in made[:3]:
            id_ = done.json()["id"]
            told = club.clubai("invite", "revoke", id_, home=tmp_path)
            assert told.out == f"{id_} is revoked\n"
