"""What *context* asks: the prompts built in, or those of the options in their place.

The built-in ones were tried on the embedded model. It reads them well, but never
answers `NONE` and keeps no marks; larger models do both.
"""

from __future__ import annotations

from typing import Final

from clubai.dividing.options import Dividing, Purpose
from clubai.dividing.templates import Template, with_place

NOTHING: Final = "NONE"
"""What a model is told to answer when a passage says nothing about the question."""

_SYSTEM: Final[dict[Purpose, str]] = {
    "answer": "Answer in a few short sentences.",
    "summarise": "Summarise in a few short sentences.",
}
_MAP: Final[dict[Purpose, str]] = {
    "answer": (
        "{heading}\n\n{chunk}\n\nUsing only the text above, quote what it says about "
        f"this, or answer {NOTHING} if it says nothing of it: {{question}}"
    ),
    "summarise": "{heading}\n\n{chunk}\n\nSummarise the text above. {question}",
}
_REDUCE: Final[dict[tuple[Purpose, bool], str]] = {
    ("answer", True): (
        "Answer the question from these notes alone.{marks}\n\n"
        "{answers}\n\nQuestion: {question}"
    ),
    ("answer", False): (
        "Put together what these notes say about the question, in their order, and "
        "leave out nothing that matters.{marks}\n\n{answers}\n\nQuestion: {question}"
    ),
    ("summarise", True): (
        "{answers}\n\nWrite one summary from the notes above.{marks} {question}"
    ),
    ("summarise", False): (
        "{answers}\n\nSummarise the notes above, in their order.{marks} {question}"
    ),
}
_KEEP_MARKS: Final = (
    " Keep the marks in brackets, such as [2], behind what you take from a note."
)


def map_template(options: Dividing, system: str = "") -> Template:
    """The prompt about one chunk, with places for `question`, `heading` and `chunk`.

    `system` is the system text of whoever asks, in place of the one built in.
    """
    user = options.map_prompt or _MAP[options.purpose]
    return Template(system or _SYSTEM[options.purpose], with_place(user, "chunk"))


def reduce_template(options: Dividing, system: str = "", *, final: bool) -> Template:
    """The prompt about a group of notes, with places for `question` and `answers`."""
    built_in = _REDUCE[options.purpose, final].replace(
        "{marks}", _KEEP_MARKS if options.cite else ""
    )
    user = options.reduce_prompt or built_in
    return Template(system or _SYSTEM[options.purpose], with_place(user, "answers"))
