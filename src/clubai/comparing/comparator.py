"""By what answers are compared: `Comparator` takes their values out and compares them.

| kind     | the value of an answer              | two values are alike           |
|----------|-------------------------------------|--------------------------------|
| `exact`  | all of it, or what its box holds    | when they are equal            |
| `json`   | its JSON document                   | when they are equal, by value  |
| `number` | its number                          | within the tolerance           |
| `choice` | the one choice that it names        | when they are equal            |
| `text`   | its words                           | by `similarity`, from 0 to 1   |
"""

from __future__ import annotations

import math
from typing import Literal, assert_never

from clubai.comparing.choices import choice_value
from clubai.comparing.documents import json_value
from clubai.comparing.exact import exact_value
from clubai.comparing.numerals import number_value, numbers_alike
from clubai.comparing.similarity import alike_in_words, wording
from clubai.model import Value

ComparatorKind = Literal["exact", "json", "number", "choice", "text"]


class Comparator(Value, frozen=True, kw_only=True):
    """How the values of answers are found and compared.

    Raises:
        ValueError: a field that makes no sense for the kind, by its name.
    """

    kind: ComparatorKind = "text"
    tolerance: float | None = None
    """Of numbers: what two may differ by, as a share of the larger one. None: to one
    part in a thousand, and not at all where one of them is whole."""
    percent: bool = False
    """Of numbers: a percentage was asked for, so 50 % is 50 and not 0.5."""
    choices: tuple[str, ...] = ()
    meanings: tuple[str, ...] = ()
    """What the choices stand for, such as the texts of options A to D; or nothing."""

    def __post_init__(self) -> None:
        """Check the fields against one another."""
        if self.kind == "choice" and len(self.choices) < 2:
            msg = f"choices = {self.choices!r}: a choice is between at least two"
            raise ValueError(msg)
        if self.meanings and len(self.meanings) != len(self.choices):
            msg = f"meanings: {len(self.meanings)} for {len(self.choices)} choices"
            raise ValueError(msg)
        tolerance = self.tolerance
        if tolerance is not None and not (math.isfinite(tolerance) and tolerance >= 0):
            msg = f"tolerance = {tolerance!r}: it must be a finite share, 0 or more"
            raise ValueError(msg)

    def extract(self, text: str) -> str | None:
        """The value of an answer, as text; None when it has none."""
        match self.kind:
            case "exact":
                return exact_value(text)
            case "json":
                return json_value(text)
            case "number":
                return number_value(text, percent=self.percent)
            case "choice":
                return choice_value(text, self.choices, self.meanings)
            case "text":
                return wording(text) or None
        assert_never(self.kind)

    def alike(self, a: str | None, b: str | None) -> float:
        """How alike two values of `extract` are, from 0 to 1.

        No value is like nothing, not even like another one that is not there.
        """
        if a is None or b is None:
            return 0.0
        if self.kind == "text":
            return alike_in_words(a, b)
        if self.kind == "number":
            return float(numbers_alike(a, b, self.tolerance))
        return float(a == b)
