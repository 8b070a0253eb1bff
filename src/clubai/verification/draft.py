"""`Draft`: the matter of a question, before it is worded as somebody's own."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from clubai.model import Value
from clubai.verification.question import Form


class Draft(Value, frozen=True, kw_only=True):
    """What is asked and what is right."""

    task: str
    """One or two sentences."""
    expected: str
    form: Form
    passage: str = ""
    """A text that the task is about; empty: it needs none."""
    choices: tuple[str, ...] = ()
    terse: str = ""
    """How to ask for the answer alone; empty: one that fits the form."""


Template = Callable[[Random], Draft]


def listed(text: str, between: str = " ") -> tuple[str, ...]:
    """The words of a text, or what stands between its marks."""
    return tuple(text.split(between))


PEOPLE: Final = listed(
    "Ada Amir Anna Ben Carla Chen Dana David Elif Emma Femi Goran Hana Iris Ivan "
    "Jonas Kofi Lena Luca Maja Marta Nadia Noor Olga Omar Pavel Priya Rosa Sami "
    "Sofia Tariq Tomas Uma Vera Wanda Yusuf Zoe"
)
TOWNS: Final = listed(
    "Alderton Birchfield Coldbrook Dunmore Eastbrook Fernhill Glenrock Highgate "
    "Ivybridge Kingsmead Larkspur Millford Northwick Oakdale Penrose Quarrytown "
    "Redcliff Stonebridge Thornton Underwood Westport Yarrow"
)
THINGS: Final = listed(
    "apples bolts bricks candles chairs cups envelopes folders jars lamps lemons "
    "notebooks pencils plates postcards screws seedlings stamps tiles tins towels"
)
WORDS: Final = listed(
    "amber anchor basket beacon bottle bridge button cactus candle canvas carpet "
    "castle cherry circle cloud copper cotton desert dragon engine falcon feather "
    "forest garden ginger glacier hammer harbor helmet island jacket jungle kettle "
    "ladder lantern lemon marble meadow mirror mountain needle orange orchard "
    "paddle pepper pillow planet pocket quartz rabbit ribbon river rocket saddle "
    "salmon shadow silver spider spring summer tunnel turtle valley velvet violet "
    "walnut whistle window winter yellow zipper"
)

_CONSONANTS: Final = "bcdfghjklmnprstvz"
_VOWELS: Final = "aeiou"


def invented(rng: Random, syllables: int) -> str:
    """A word that is none, easy to spell: a name that nobody can have learned."""
    return "".join(
        rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(syllables)
    )
