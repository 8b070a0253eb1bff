"""The whole of an answer, or of what it puts in a box, to be compared exactly."""

from __future__ import annotations

from clubai.comparing.marks import boxed
from clubai.comparing.normal import fenced, folded, said


def exact_value(text: str) -> str | None:
    r"""What an answer says, character by character; None when it says nothing.

    It is what the last `\boxed{}` holds, or the one fenced block that the answer is, or
    else all of it: in NFC, without reasoning, blanks at the ends of lines and empty
    lines around it.
    """
    text = said(text)
    box = boxed(text)
    if box is None:
        blocks = fenced(text)
        alone = len(blocks) == 1 and text.strip().startswith(("```", "~~~"))
        ended = alone and text.strip().endswith(("```", "~~~"))
        text = blocks[0] if ended else text
    else:
        text = box
    lines = [line.rstrip() for line in folded(text, "NFC").strip("\r\n").splitlines()]
    return "\n".join(lines).strip("\n") or None
