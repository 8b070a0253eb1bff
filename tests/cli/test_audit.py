from __future__ import annotations

from pathlib import Path

from support.commands import UpClub


def test_the_log_is_shown_newest_first_and_in_pages(
    club: UpClub, tmp_path: Path
) -> None:
    key = club.clubai("key", "create", "--json", home=tmp_path).json()["id"]
    club.clubai("key", "revoke", key, home=tmp_path)

    page = club.clubai("audit", "--limit", "1", "--json", home=tmp_path).json()
    before = ("--before", str(page["next"]))
    rest = club.clubai("audit", *before, "--json", home=tmp_path).json()

    [last] = page["entries"]
    assert set(last) == {"seq", "at", "actor", "action", "object", "detail"}
    assert (last["action"], last["object"]) == ("key.revoked", key)
    assert page["next"] == last["seq"]
    assert (rest["entries"][0]["action"], rest["entries"][0]["object"]) == (
        "key.made",
        key,
    )


def test_the_log_is_a_table_for_people(club: UpClub, tmp_path: Path) -> None:
    club.clubai("key", "create", "--json", home=tmp_path)

    shown = club.clubai("audit", "--limit", "1", home=tmp_path)

    head, line = shown.out.splitlines()
    assert head.split() == ["Seq", "At", "(UTC)", "Who", "Did", "To", "Detail"]
    assert "key.made" in line
    assert "chat embed node read" in line
    assert "more: clubai audit --before " in shown.err


def test_the_log_is_shown_for_one_object(club: UpClub, tmp_path: Path) -> None:
    key = club.clubai("key", "create", "--json", home=tmp_path).json()["id"]
    club.clubai("key", "revoke", key, home=tmp_path)

    of_key = ("audit", "--object", key)
    page = club.clubai(*of_key, "--json", home=tmp_path).json()
    first = club.clubai(*of_key, "--limit", "1", home=tmp_path)

    actions = [line["action"] for line in page["entries"]]
    assert actions == ["key.revoked", "key.made"]
    assert first.err.strip().endswith(f"--object {key}")
