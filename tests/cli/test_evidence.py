from __future__ import annotations

import pytest

from clubai.cli import evidence


def test_all_texts_are_shown_and_obeyed_by_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    evidence.print_check(
        {
            "prompt": "user: 7 + 5?\nuser: in words",
            "expected": "12",
            "references": ["It is 12."],
            "got": "potato\x1b[2J",
            "kind": "known_answer",
            "why": "no number in it",
        }
    )

    shown = capsys.readouterr().out
    for text in ("  user: in words", "  12", "It is 12.", "potato", "no number in it"):
        assert text in shown
    assert "\x1b" not in shown


def test_what_is_not_there_has_no_title(capsys: pytest.CaptureFixture[str]) -> None:
    evidence.print_check(
        {
            "prompt": "Q",
            "expected": "",
            "references": [],
            "got": "A",
            "kind": "agreement",
            "why": "unlike",
        }
    )

    assert "expected" not in capsys.readouterr().out
