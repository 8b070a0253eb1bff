"""How far the fetching of a model is: a bar on a terminal, plain lines elsewhere.

All of it goes to stderr, so that stdout keeps what a command promises to print.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click
import msgspec
import platformdirs
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from clubai.agent import BackendConfig
from clubai.agent.backends.models import (
    DEFAULT_MODEL,
    OnProgress,
    Progress,
    ensure_model,
)
from clubai.cli import show
from clubai.tui import plain

MODELS: Final = platformdirs.user_cache_path("clubai") / "models"
"""Where model files are kept, per user."""
_WORDS: Final = {
    "waiting": "waiting for another fetch",
    "fetching": "fetching",
    "unpacking": "unpacking",
    "verifying": "verifying",
}


async def with_model(backend: BackendConfig) -> BackendConfig:
    """Fetch the file of an embedded model, showing how far it is, and name it.

    Raises:
        ModelFileError: it cannot be had, or is not what it should be.
    """
    if not backend.embedded:
        return backend
    with show_progress() as progress:
        file = await ensure_model(
            backend.model or DEFAULT_MODEL,
            cache=MODELS,
            on_progress=progress,
            env=os.environ,
        )
    return msgspec.structs.replace(backend, model=str(file))


@contextmanager
def show_progress() -> Iterator[OnProgress]:
    """Give a callback that shows what it is told until the context is left."""
    console = show.console(stderr=True)
    if show.is_plain(console):
        yield plain_lines(lambda line: click.echo(line, err=True))
        return
    bars = Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bars:
        yield _Bar(bars)


def plain_lines(write: Callable[[str], None]) -> OnProgress:
    """A callback that writes a line at each new stage and at each new quarter."""
    last: tuple[str, int] | None = None

    def tell(progress: Progress) -> None:
        nonlocal last
        quarter = 4 * progress.done // progress.total if progress.total else 0
        if (progress.stage, quarter) != last:
            last = (progress.stage, quarter)
            write(f"{_words(progress)}: {25 * quarter} %")

    return tell


class _Bar:
    """One bar, started again at each stage."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = bars.add_task("", visible=False)
        self._stage = ""

    def __call__(self, progress: Progress) -> None:
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._bars.reset(self._task, description=_words(progress), visible=True)
        self._bars.update(self._task, completed=progress.done, total=progress.total)


def _words(progress: Progress) -> str:
    return f"{_WORDS[progress.stage]} {plain.name(progress.name)}"
