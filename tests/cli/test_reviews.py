from __future__ import annotations

from pathlib import Path

import pytest

from clubai.cli import reviews
from support.commands import UpClub

REVIEW = {
    "seq": 7,
    "at": 1_800_000_000.0,
    "name": "attic",
    "nickname": "abcdefghijkl",
    "why": "A check was not passed.",
    "cause": "check:c1",
    "open": True,
    "outcome": "",
    "evidence": [
        {
            "prompt": "user: 7 + 5?",
            "expected": "12",
            "references": ["It is 12.", "12"],
            "got": "potato\x1b[2J",
            "kind": "known_answer",
            "why": "no number in it",
        }
    ],
}


def test_nothing_is_open_at_first(club: UpClub, tmp_path: Path) -> None:
    assert club.clubai("review", "--json", home=tmp_path).json() == {"reviews": []}
    shown = club.clubai("review", "--all", home=tmp_path)
    assert shown.code == 0
    assert shown.out.split()[0] == "Seq"


def test_a_review_that_is_not_there_is_said(club: UpClub, tmp_path: Path) -> None:
    shown = club.clubai("review", "999", "--json", home=tmp_path)
    ended = club.clubai("review", "999", "--uphold", "x", "--json", home=tmp_path)

    assert (shown.code, ended.code) == (1, 1)
    assert "clubai review" in shown.error()["message"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--uphold", "x"), "Say which review"),
        (("7", "--uphold", "x", "--dismiss", "y"), "Give one of"),
    ],
)
def test_wrong_usage_is_said(
    club: UpClub, tmp_path: Path, flags: tuple[str, ...], said: str
) -> None:
    done = club.clubai("review", *flags, home=tmp_path)

    assert done.code == 2
    assert said in done.err


def test_the_evidence_is_side_by_side_and_obeyed_by_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reviews._show_one(REVIEW)

    shown = capsys.readouterr().out
    for text in ("7 + 5?", "  12", "It is 12.", "potato", "no number in it"):
        assert text in shown
    assert "\x1b" not in shown


def test_without_evidence_it_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    reviews._show_one({**REVIEW, "evidence": []})

    assert "No text is kept of members' work" in capsys.readouterr().out
