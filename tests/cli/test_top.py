from __future__ import annotations

from pathlib import Path

from support.commands import UpClub, clubai


def test_once_is_a_frame_of_plain_text(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("top", "--once", home=tmp_path)

    first, _, _, blank, head, *rows = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert first.startswith("nodes 2/2 · slots 0/")
    assert blank == ""
    assert head.split()[:2] == ["State", "Node"]
    assert [row.split()[:2] for row in rows] == [
        ["alive", "node-1"],
        ["alive", "node-2"],
    ]
    assert "\x1b" not in done.out


def test_its_width_and_its_signs_are_as_asked(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("top", "--once", "--ascii", "--width", "60", home=tmp_path)

    assert done.out.isascii()
    assert max(len(line) for line in done.out.splitlines()) <= 60


def test_a_club_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    done = clubai("top", "--once", "--url", "http://127.0.0.1:9", home=tmp_path)

    assert (done.code, done.out) == (3, "")
    assert "127.0.0.1:9" in done.err


def test_a_bad_key_is_not_allowed(club: UpClub, tmp_path: Path) -> None:
    flags = ("--url", club.url, "--api-key", "cak_wrong")

    done = clubai("top", "--once", *flags, home=tmp_path)

    assert (done.code, done.out) == (4, "")


def test_without_once_it_needs_a_terminal(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("top", home=tmp_path)

    assert done.code == 2
    assert "clubai top --once" in done.err
