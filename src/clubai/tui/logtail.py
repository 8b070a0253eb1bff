"""The last lines that this process logged, for a screen that owns the terminal."""

from __future__ import annotations

import logging
from collections import deque
from typing import Final, NamedTuple

from clubai.tui import plain

MOST_LINES: Final = 1000
MOST_CHARACTERS: Final = 500


class LogLine(NamedTuple):
    """One line."""

    number: int
    """Counted from 1: what was dropped since shows in the numbers."""
    at: float
    level: str
    logger: str
    text: str


class LogTail(logging.Handler):
    """Keeps the last lines; any thread may log, and any may read."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[LogLine] = deque(maxlen=MOST_LINES)
        self._count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self._count += 1
        text = plain.name(record.getMessage(), MOST_CHARACTERS)
        self.lines.append(
            LogLine(
                self._count,
                record.created,
                record.levelname.lower(),
                record.name,
                text,
            )
        )
