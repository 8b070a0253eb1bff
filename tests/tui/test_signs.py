from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color

from clubai.tui.signs import SIGNS, AsciiSigns


def test_frames_become_ascii_and_letters_stay() -> None:
    line = [Segment("╭─│"), Segment("Grüße"), Segment("plain"), Segment("█░▁")]

    drawn = AsciiSigns().apply(line, Color(0, 0, 0))
    assert [segment.text for segment in drawn] == ["+-|", "Grüße", "plain", "#.-"]


def test_a_sign_is_as_wide_as_what_stands_for_it() -> None:
    other = {
        chr(code): sign
        for code, sign in SIGNS.items()
        if cell_len(chr(code)) != cell_len(sign)
    }

    assert other == {}
    assert all(sign.isascii() for sign in SIGNS.values())
