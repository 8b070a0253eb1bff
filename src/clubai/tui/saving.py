"""Files that the dashboard writes where it was started, at a person's wish."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path


def save_new(directory: Path, stem: str, ending: str, text: str) -> Path:
    """Write `text` into a file that was not there before; only its owner can read it.

    Where the name is taken, a number is added. Raises `OSError`.
    """
    for number in count(1):
        name = f"{stem}{f'-{number}' if number > 1 else ''}{ending}"
        path = directory / name
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        return path
    raise AssertionError
