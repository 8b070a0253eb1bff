"""`clubai tui`: the dashboard of a club, of a recording, or in a browser."""

from __future__ import annotations

from pathlib import Path

import click

from clubai.cli import logs, place
from clubai.cli.connecting import trust_for
from clubai.cli.options import club_options, examples, option
from clubai.cli.screen import (
    ascii_option,
    need_terminal,
    readonly_option,
    record_option,
    recording,
    run_screen,
)


@click.command(
    epilog=examples(
        "clubai tui",
        "clubai tui --url https://club.example.org --readonly",
        "clubai tui --record evening.jsonl",
        "clubai tui --replay evening.jsonl --speed 10",
        "clubai tui --serve",
    )
)
@click.option(
    "--member",
    is_flag=True,
    allow_from_autoenv=False,
    help="The member's view: ask, and look at what was asked.",
)
@readonly_option
@ascii_option
@option("--theme", metavar="NAME", help="The colours; `:theme` lists them.")
@record_option
@click.option(
    "--replay",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Show what was recorded, instead of a club.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0.1, 1000),
    default=1.0,
    allow_from_autoenv=False,
    help="Recorded seconds in one second.",
)
@click.option(
    "--serve",
    is_flag=True,
    allow_from_autoenv=False,
    help="Show it in a browser on this machine, and only there.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8765,
    allow_from_autoenv=False,
    help="Where --serve listens; 0: any free port.",
)
@club_options
def tui(
    url: str | None,
    api_key: str | None,
    member: bool,
    readonly: bool,
    ascii_only: bool,
    theme: str | None,
    record: Path | None,
    replay: Path | None,
    speed: float,
    serve: bool,
    port: int,
) -> None:
    """Show the club, live: nodes, tasks, points, models, events, members.

    What you see and may do depends on your role. Each action asks first, and is written
    in the club's audit log. `?` shows the keys.
    """
    if replay is not None and (record is not None or member):
        raise click.UsageError("--replay goes without --record and --member.")
    if serve and record is not None:
        raise click.UsageError("--serve goes without --record.")
    if serve:
        from clubai.cli.browser import serve_dashboard

        arguments = _again(member, readonly, ascii_only, theme, replay, speed)
        serve_dashboard(arguments, place.find(url, api_key), port=port)
        return
    need_terminal("clubai top --once")
    logs.configure("warning")
    from clubai.tui.app import Dashboard
    from clubai.tui.recording import Replay, read_recording
    from clubai.tui.source import Attached, Source

    source: Source
    if replay is not None:
        source = Replay(read_recording(replay), name=replay.name, speed=speed)
    else:
        target = place.find(url, api_key)
        source = Attached(
            target.url, target.api_key, trust=lambda: trust_for(target.url)
        )
    with recording(source, record) as watched:
        board = Dashboard(
            watched,
            view="member" if member else "operator",
            readonly=readonly,
            ascii=ascii_only,
            theme=theme or "",
        )
        run_screen(board)


def _again(
    member: bool,
    readonly: bool,
    ascii_only: bool,
    theme: str | None,
    replay: Path | None,
    speed: float,
) -> list[str]:
    """The arguments by which the same is shown in another process."""
    flags = (("--member", member), ("--readonly", readonly), ("--ascii", ascii_only))
    arguments = [flag for flag, given in flags if given]
    if theme:
        arguments += ["--theme", theme]
    if replay is not None:
        arguments += ["--replay", str(replay.absolute()), "--speed", str(speed)]
    return arguments
