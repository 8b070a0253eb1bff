"""`clubai task cancel`: a task ended by hand."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from urllib.parse import quote

import click

from clubai.cli import place
from clubai.cli.options import club_options, examples, json_option
from clubai.cli.running import run
from clubai.client import rest
from clubai.tui import plain

_ID_LENGTH: Final = 32
_LEAST: Final = 4
"""Characters by which a task may be named."""
_LOOKED_AT: Final = 1000


@click.group(epilog=examples("clubai task cancel 93acdbb7"))
def task() -> None:
    """End a task that is under way."""


@task.command(
    epilog=examples("clubai task cancel 93acdbb7", "clubai task cancel 93acdbb7 --json")
)
@click.argument("task_id", metavar="ID")
@club_options
@json_option
def cancel(task_id: str, url: str | None, api_key: str | None, as_json: bool) -> None:
    """End your task ID, or anybody's as an operator.

    ID is the beginning that `clubai tasks` shows. Whoever asked is told; nobody loses
    points.
    """
    ended = run(partial(_cancel, place.find(url, api_key), task_id))
    if as_json:
        click.echo(plain.to_json(ended))
    else:
        click.echo(f"{plain.name(ended['id'], _ID_LENGTH)} is cancelled")


async def _cancel(target: place.Place, task_id: str) -> dict[str, Any]:
    path = f"/api/tasks/{quote(await _full_id(target, task_id), safe='')}"
    return await rest.call("DELETE", target.url, path, key=target.api_key)


async def _full_id(target: place.Place, task_id: str) -> str:
    """The id that begins so. Raises `UsageError` if it is not one."""
    wanted = task_id.lower()
    if len(wanted) >= _ID_LENGTH:
        return wanted
    if len(wanted) < _LEAST:
        raise click.UsageError(f"Give at least {_LEAST} characters of the task's id.")
    path = f"/api/tasks?limit={_LOOKED_AT}"
    answer = await rest.call("GET", target.url, path, key=target.api_key)
    found = [str(each["id"]) for each in answer["tasks"]]
    found = [each for each in found if each.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    what = "Several tasks begin" if found else "No task that you see begins"
    raise click.UsageError(f"{what} with {plain.name(task_id)!r}.")
