"""What the commands with a screen share: their options, and how a screen is run."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from clubai.cli.options import option
from clubai.cli.running import run_until_stopped, spare_collections
from clubai.errors import ConfigError
from clubai.tui.logtail import LogTail

if TYPE_CHECKING:
    from clubai.tui.board import Board
    from clubai.tui.source import Source

F = TypeVar("F", bound=Callable[..., Any])
_LEVEL_SHOWN: Final = logging.WARNING
_KEPT: Final = 20


def ascii_option(func: F) -> F:
    """`--ascii`."""
    return option(
        "--ascii",
        "ascii_only",
        is_flag=True,
        envvar="CLUBAI_ASCII",
        help="No signs but ASCII.",
    )(func)


def readonly_option(func: F) -> F:
    """`--readonly`."""
    return option(
        "--readonly",
        is_flag=True,
        envvar="CLUBAI_READONLY",
        help="Only look: nothing can be done from it.",
    )(func)


def record_option(func: F) -> F:
    """`--record FILE`."""
    return click.option(
        "--record",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write down what comes, for `clubai tui --replay FILE`.",
    )(func)


def need_terminal(instead: str) -> None:
    """Refuse to draw where nobody could see it. Raises `click.UsageError`."""
    from clubai.cli import show

    if os.environ.get("TEXTUAL_DRIVER"):  # a browser, or whatever it draws on
        return
    dumb = show.is_plain(show.console())
    if dumb or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError(f"A screen needs a terminal. Without one: {instead}")


@contextmanager
def recording(source: Source, path: Path | None) -> Iterator[Source]:
    """The source, and what it gives is written to `path` when there is one.

    Raises:
        ConfigError: the file is there already, or cannot be written.
    """
    if path is None:
        yield source
        return
    from clubai.tui.recording import Recorder

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        fix = "it is there already: name another file"
        raise ConfigError("--record", str(path), fix) from error
    except OSError as error:
        raise ConfigError("--record", str(path), f"{error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        yield Recorder(source, file)


def run_screen(board: Board, tail: LogTail | None = None) -> None:
    """Show the board until the person leaves it, or a signal comes.

    What is logged meanwhile would spoil the screen: warnings are printed afterwards.
    `tail`: where it goes already.
    """
    with log_tail() if tail is None else nullcontext(tail) as tail:
        run_until_stopped(partial(_show, board))
    for line in [line for line in tail.lines if line.number and _matters(line.level)][
        -_KEPT:
    ]:
        click.echo(f"{line.level}: {line.text}", err=True)
    if board.return_code:
        sys.exit(board.return_code)


@contextmanager
def log_tail() -> Iterator[LogTail]:
    """Keep what is logged instead of writing it to the terminal."""
    root, tail = logging.getLogger(), LogTail()
    before = root.handlers[:]
    root.handlers[:] = [tail]
    try:
        yield tail
    finally:
        root.handlers[:] = before


async def _show(board: Board) -> None:
    spare_collections()  # one of everything takes 0.1 s, in which no key is heard
    await board.run_async()


def _matters(level: str) -> bool:
    return logging.getLevelNamesMapping()[level.upper()] >= _LEVEL_SHOWN
