from __future__ import annotations

import time
from pathlib import Path

import click
import pytest

from clubai.cli.keys import Duration
from support.commands import UpClub, clubai


def test_a_key_is_printed_once_and_is_good_for_what_was_said(
    club: UpClub, tmp_path: Path
) -> None:
    flags = ("--scope", "chat", "--monthly-tokens", "100000", "--expires", "30d")

    made = club.clubai("key", "create", "app", *flags, home=tmp_path)

    key = made.out.strip()
    assert key.startswith("cak_")
    assert "nobody can show it again" in made.err
    [shown] = [
        each
        for each in club.clubai("key", "list", "--json", home=tmp_path).json()["keys"]
        if each["id"] == key.split("_")[1]
    ]
    assert (shown["label"], shown["scopes"], shown["login"]) == ("app", ["chat"], False)
    assert shown["monthly_tokens"] == 100_000
    assert shown["expires_at"] == pytest.approx(time.time() + 30 * 86_400, abs=60)
    env = {"CLUBAI_URL": club.url, "CLUBAI_API_KEY": key}
    assert clubai("ask", "Hello", home=tmp_path, **env).out == "You said: Hello \n"
    stats = clubai("stats", "--json", home=tmp_path, **env)
    assert (stats.code, stats.error()["code"]) == (4, "not_allowed")
    assert "no scope read" in stats.error()["message"]
    assert clubai("key", "create", home=tmp_path, **env).code == 4


def test_a_revoked_key_is_good_for_nothing(club: UpClub, tmp_path: Path) -> None:
    made = club.clubai("key", "create", "--json", home=tmp_path).json()

    done = club.clubai("key", "revoke", made["id"], "--json", home=tmp_path)

    assert done.json() == {"id": made["id"], "revoked": True}
    env = {"CLUBAI_URL": club.url, "CLUBAI_API_KEY": made["api_key"]}
    assert clubai("stats", home=tmp_path, **env).code == 4
    again = club.clubai("key", "revoke", made["id"], home=tmp_path)
    assert again.out == f"{made['id']} is revoked\n"
    assert club.clubai("key", "revoke", "unknown0", home=tmp_path).code == 4


def test_keys_are_listed_without_their_secrets(club: UpClub, tmp_path: Path) -> None:
    flags = ("--model", "m-1", "--model", "m-2", "--scope", "chat", "--scope", "read")
    key = club.clubai("key", "create", "two", *flags, home=tmp_path).out.strip()

    listed = club.clubai("key", "list", home=tmp_path)

    [line] = [line for line in listed.out.splitlines() if key.split("_")[1] in line]
    assert " ".join(line.split()) == (
        f"{key.split('_')[1]} two good chat read m-1, m-2 - -"
    )
    assert key.split("_")[2] not in listed.out
    assert "login" in listed.out


def test_a_model_that_a_key_is_not_for_is_refused(club: UpClub, tmp_path: Path) -> None:
    made = club.clubai("key", "create", "--model", "no-such", home=tmp_path)
    env = {"CLUBAI_URL": club.url, "CLUBAI_API_KEY": made.out.strip()}
    name = club.clubai("stats", "--json", home=tmp_path).json()["models"][0]["name"]

    refused = clubai("ask", "Hello", "--model", name, home=tmp_path, **env)

    assert refused.code == 4
    assert "not for this model" in refused.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--scope", "admin"],
        ["--expires", "soon"],
        ["--expires", "0d"],
        ["--monthly-tokens", "0"],
    ],
)
def test_a_wish_that_is_none_is_wrong_usage(
    arguments: list[str], tmp_path: Path
) -> None:
    assert clubai("key", "create", *arguments, home=tmp_path).code == 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90m", 5400), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600)],
)
def test_a_time_is_read(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "01d", "1y", "1 d", "9999999d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Duration().convert(text, None, None)
