"""Writing what is taken elsewhere into a file of its own."""

from __future__ import annotations

import itertools
from pathlib import Path


def write_new(folder: Path, name: str, ending: str, text: str) -> Path:
    """Write a text to `name.ending`, or `name-2.ending` and so on: never over a file.

    Raises:
        OSError: it cannot be written.
    """
    for number in itertools.count(1):
        path = folder / (
            f"{name}.{ending}" if number == 1 else f"{name}-{number}.{ending}"
        )
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        return path
    raise AssertionError("numbers do not end")
