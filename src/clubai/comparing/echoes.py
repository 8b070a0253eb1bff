"""Answers that give the request back: too good a likeness of a summary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from clubai.comparing.similarity import alike_in_words, wording

ECHO: Final = 0.9
"""How alike an answer is to the request that it is but a copy of."""


def without_echoes(
    values: Mapping[str, str | None], prompt: str
) -> dict[str, str | None]:
    """The values of texts, with none for those that are the prompt over again.

    When more than half of them are, that is what was asked for: they keep theirs.
    """
    asked = wording(prompt)
    echoes = [
        label
        for label, value in values.items()
        if asked and value and alike_in_words(asked, value) >= ECHO
    ]
    if 2 * len(echoes) > len(values):
        return dict(values)
    return {**values, **dict.fromkeys(echoes)}
