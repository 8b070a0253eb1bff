"""`clubai top`: the club on one screen, or once as text."""

from __future__ import annotations

import shutil
import time
from contextlib import aclosing
from functools import partial

import click

from clubai.cli import place
from clubai.cli.options import club_options, examples
from clubai.cli.running import run
from clubai.cli.screen import ascii_option
from clubai.errors import ConnectFailed
from clubai.protocol.feed import FeedSnapshot
from clubai.tui.frame import frame
from clubai.tui.look import Look
from clubai.tui.picture import Picture

PIPE_WIDTH = 140


@click.command(epilog=examples("clubai top", "clubai top --once --width 100"))
@click.option(
    "--once",
    is_flag=True,
    allow_from_autoenv=False,
    help="Print one frame, and end: for scripts and logs.",
)
@click.option(
    "--width",
    type=click.IntRange(40, 1000),
    allow_from_autoenv=False,
    help="Columns; else the terminal's, and 140 in a pipe.",
)
@ascii_option
@club_options
@click.pass_context
def top(
    ctx: click.Context,
    url: str | None,
    api_key: str | None,
    once: bool,
    width: int | None,
    ascii_only: bool,
) -> None:
    """Show the club at a glance; without --once as `clubai tui --readonly` does."""
    if not once:
        from clubai.cli.tui import tui

        ctx.invoke(tui, url=url, api_key=api_key, readonly=True, ascii_only=ascii_only)
        return
    columns = width or shutil.get_terminal_size((PIPE_WIDTH, 24)).columns
    target = place.find(url, api_key)
    click.echo(run(partial(_frame, target, columns, ascii_only)))


async def _frame(target: place.Place, width: int, ascii_only: bool) -> str:
    from clubai.tui.source import Attached

    picture, source = Picture(), Attached(target.url, target.api_key)
    async with aclosing(source.items()) as items:
        async for item in items:
            picture.take(item, source.clock())
            if isinstance(item, FeedSnapshot):
                break
            if picture.state is not None and not picture.state.connected:
                raise ConnectFailed(target.url, picture.state.reason)
    look = Look(now=picture.now(time.time()), ascii=ascii_only)
    return frame(picture, look, width=width)
