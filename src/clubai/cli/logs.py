"""Logs of the programs: stderr, readable on a terminal, JSON elsewhere.

A record is one line, whatever names and reasons from the network are in it, and the
libraries that would write headers and addresses are quiet at every level.
"""

from __future__ import annotations

import logging
import sys
from typing import Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_QUIET = (
    "httpx",
    "httpcore",
    "hypercorn",
    "websockets",
    "trio-websocket",
    "urllib3",
    "markdown_it",
)
MAX_TEXT: Final = 2000
"""Characters of one value."""


def configure(level: str) -> None:
    """Send every logger of the process to stderr from `level` on."""
    terminal = sys.stderr.isatty()
    common: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _escape,
    ]
    if terminal:
        shape: list[Processor] = [structlog.dev.ConsoleRenderer()]
    else:
        shape = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=common,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shape],
    )
    channel = logging.StreamHandler(sys.stderr)
    channel.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [channel]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def escaped(text: str) -> str:
    """One line in which nothing moves the cursor: what would is written out."""
    if len(text) > MAX_TEXT:
        text = text[: MAX_TEXT - 1] + "…"
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def _escape(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    for key, value in event_dict.items():
        if isinstance(value, str):
            event_dict[key] = escaped(value)
    return event_dict
