"""`clubai stats`, `nodes` and `tasks`: what the coordinator sees, once or live."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from clubai.cli import place, show
from clubai.cli.connecting import open_client
from clubai.cli.options import club_options, examples, json_option
from clubai.cli.running import run, run_until_stopped
from clubai.model import ClubSnapshot
from clubai.tui import plain

Draw = Callable[[ClubSnapshot, bool], RenderableType]
Fields = Callable[[ClubSnapshot], dict[str, Any]]

_watch_option = click.option(
    "--watch",
    is_flag=True,
    allow_from_autoenv=False,
    help="Keep showing; with --json a line for each change. Ctrl-C ends it.",
)


@click.command(epilog=examples("clubai stats", "clubai stats --json"))
@club_options
@json_option
def stats(url: str | None, api_key: str | None, as_json: bool) -> None:
    """Show the club's counts, and the models it can run."""
    _show(place.find(url, api_key), _draw_stats, _stats_fields, as_json=as_json)


@click.command(
    epilog=examples("clubai nodes", "clubai nodes --watch", "clubai nodes --json")
)
@club_options
@_watch_option
@json_option
def nodes(url: str | None, api_key: str | None, watch: bool, as_json: bool) -> None:
    """Show the nodes: state, models, slots, speed."""
    target = place.find(url, api_key)
    display = _watch if watch else _show
    display(target, _draw_nodes, lambda club: {"nodes": club.nodes}, as_json=as_json)


@click.command(
    epilog=examples("clubai tasks", "clubai tasks --watch", "clubai tasks --json")
)
@club_options
@_watch_option
@json_option
def tasks(url: str | None, api_key: str | None, watch: bool, as_json: bool) -> None:
    """Show the tasks, newest first; never what was asked."""
    target = place.find(url, api_key)
    display = _watch if watch else _show
    display(target, _draw_tasks, lambda club: {"tasks": club.tasks}, as_json=as_json)


def _draw_nodes(club: ClubSnapshot, plain_box: bool) -> RenderableType:
    return show.nodes_table(club.nodes, now=club.stats.now, plain_box=plain_box)


def _draw_tasks(club: ClubSnapshot, plain_box: bool) -> RenderableType:
    return show.tasks_table(club.tasks, now=club.stats.now, plain_box=plain_box)


def _draw_stats(club: ClubSnapshot, plain_box: bool) -> RenderableType:
    return Group(
        show.stats_lines(club.stats),
        Text(),
        show.models_table(club.models, plain_box=plain_box),
    )


def _stats_fields(club: ClubSnapshot) -> dict[str, Any]:
    return {"stats": club.stats, "models": club.models}


def _show(target: place.Place, draw: Draw, fields: Fields, *, as_json: bool) -> None:
    club = run(partial(_snapshot, target))
    if as_json:
        click.echo(plain.to_json(fields(club)))
        return
    console = show.console()
    console.print(draw(club, show.is_plain(console)))


def _watch(target: place.Place, draw: Draw, fields: Fields, *, as_json: bool) -> None:
    if as_json:
        run_until_stopped(partial(_watch_lines, target, fields))
    else:
        run_until_stopped(partial(_watch_live, target, draw))


async def _snapshot(target: place.Place) -> ClubSnapshot:
    async with open_client(target) as client:
        return await client.snapshot()


async def _watch_lines(target: place.Place, fields: Fields) -> None:
    async with (
        open_client(target) as client,
        client.watch() as snapshots,
    ):
        async for club in snapshots:
            click.echo(plain.to_json(fields(club)))


async def _watch_live(target: place.Place, draw: Draw) -> None:
    console = show.console()
    plain_box = show.is_plain(console)
    async with (
        open_client(target) as client,
        client.watch() as snapshots,
    ):
        with Live(console=console, auto_refresh=False) as live:
            async for club in snapshots:
                if plain_box:
                    console.print(draw(club, plain_box))
                else:
                    live.update(draw(club, plain_box), refresh=True)
