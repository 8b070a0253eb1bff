from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from support.commands import Done, UpClub, clubai

PASSWORD = "correct horse battery staple"


def login_file(home: Path) -> Path:
    return home / ".config" / "clubai" / "login.json"


def register(club: UpClub, name: str, home: Path) -> Done:
    return clubai(
        *("register", name, "--url", club.url, "--password-stdin", "--json"),
        home=home,
        stdin=PASSWORD + "\n",
    )


def login(club: UpClub, name: str, home: Path, password: str = PASSWORD) -> Done:
    return clubai(
        *("login", name, "--url", club.url, "--password-stdin", "--json"),
        home=home,
        stdin=password,
    )


def test_a_new_member_is_logged_in_and_can_ask(club: UpClub, tmp_path: Path) -> None:
    done = register(club, "ada", tmp_path)

    told = done.json()
    file = login_file(tmp_path)
    assert (told["url"], told["name"], told["stored"]) == (club.url, "ada", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    stored = json.loads(file.read_text())
    assert stored["api_key"] not in done.out
    assert PASSWORD not in file.read_text()
    assert clubai("ask", "Hello", home=tmp_path).out == "You said: Hello \n"


def test_logging_in_again_stores_another_key(club: UpClub, tmp_path: Path) -> None:
    register(club, "bob", tmp_path)
    first = json.loads(login_file(tmp_path).read_text())["api_key"]

    done = login(club, "bob", tmp_path)

    assert done.json()["name"] == "bob"
    assert json.loads(login_file(tmp_path).read_text())["api_key"] != first


def test_logging_out_ends_the_key(club: UpClub, tmp_path: Path) -> None:
    register(club, "cleo", tmp_path)
    key = json.loads(login_file(tmp_path).read_text())["api_key"]

    done = clubai("logout", "--json", home=tmp_path)

    assert done.json() == {"forgotten": True, "ended": True}
    assert not login_file(tmp_path).exists()
    asked = clubai("stats", "--url", club.url, home=tmp_path, CLUBAI_API_KEY=key)
    assert asked.code == 4


def test_logging_out_without_a_login_says_so(tmp_path: Path) -> None:
    done = clubai("logout", home=tmp_path)

    assert (done.code, done.out) == (0, "there was no stored login\n")


def test_a_wrong_password_is_not_allowed_and_stores_nothing(
    club: UpClub, tmp_path: Path
) -> None:
    register(club, "dan", tmp_path)
    clubai("logout", home=tmp_path)

    done = login(club, "dan", tmp_path, "wrong password, but long")

    assert done.code == 4
    assert done.error()["code"] == "not_allowed"
    assert not login_file(tmp_path).exists()


def test_a_name_that_is_taken_is_refused(club: UpClub, tmp_path: Path) -> None:
    register(club, "eve", tmp_path)

    done = register(club, "eve", tmp_path)

    assert done.code == 1
    assert "eve" in done.error()["message"]


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [(["login", "--password-stdin"], "x\n"), (["login", "a", "--password-stdin"], "")],
)
def test_a_password_from_stdin_needs_name_and_password(
    arguments: list[str], stdin: str, tmp_path: Path
) -> None:
    assert clubai(*arguments, home=tmp_path, stdin=stdin).code == 2


def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    done = clubai(
        *("login", "a", "--url", "http://127.0.0.1:9", "--password-stdin"),
        home=tmp_path,
        stdin="some password",
    )

    assert done.code == 3
    assert not login_file(tmp_path).exists()


def test_the_password_is_asked_for_without_an_echo(
    club: UpClub, tmp_path: Path
) -> None:
    from support.terminal import typed_at

    shown = typed_at(
        ["register", "fay", "--url", club.url],
        [("Password:", PASSWORD), ("Repeat for confirmation:", PASSWORD)],
        home=tmp_path,
    )

    assert "registered as fay" in shown
    assert PASSWORD not in shown
