"""What Textual draws, for a terminal that has nothing but ASCII.

Our own words and signs are ASCII already (`Look.ascii`); frames, scrollbars, bullets
and the like of Textual's widgets are not. Letters, as in names, stay as they are.
"""

from __future__ import annotations

from typing import Final

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_LINES: Final = (
    "\u2500\u2501\u2504\u2505\u2508\u2509\u254c\u254d\u2550\u2574\u2576\u2578\u257a"
)
_BARS: Final = (
    "\u2502\u2503\u2506\u2507\u250a\u250b\u254e\u254f\u2551\u2575\u2577\u2579\u257b"
)
SIGNS: Final = {
    **dict.fromkeys(range(9472, 9600), "+"),
    **{ord(sign): "-" for sign in _LINES},
    **{ord(sign): "|" for sign in _BARS},
    **dict.fromkeys(range(9600, 9632), "#"),
    **dict.fromkeys((0x2594, 0x2581, 0x2580, 0x2584), "-"),
    **dict.fromkeys((0x2595, 0x258E, 0x258F, 0x258A, 0x258B), "|"),
    **dict.fromkeys((0x2591, 0x2592), "."),
    **dict.fromkeys(range(9632, 9728), "*"),
    **dict.fromkeys((0x25B2, 0x25B4, 0x2191), "^"),
    **dict.fromkeys((0x25BC, 0x25BE, 0x2193), "v"),
    **dict.fromkeys((0x25B6, 0x25B8, 0x2192), ">"),
    **dict.fromkeys((0x25C0, 0x25C2, 0x2190), "<"),
    **dict.fromkeys((0x25FD, 0x25FE), "* "),
    0x25CB: "o",
    0x2022: "*",
    0x2026: "~",
    0x00B7: "|",
    0x00A0: " ",
    0x2013: "-",
    0x2014: "-",
    0x21E5: ">",
    0x23CE: "<",
    0x1F50E: "? ",
}
"""By code point; a sign is as wide as what stands for it."""


class AsciiSigns(LineFilter):
    """Writes ASCII signs in place of others."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same line in ASCII signs."""
        return [
            segment
            if segment.text.isascii()
            else Segment(segment.text.translate(SIGNS), segment.style, segment.control)
            for segment in segments
        ]
