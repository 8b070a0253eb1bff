"""`clubai doctor`: every check, with its fix as a command."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from clubai.cli import place
from clubai.cli.boundary import FAILED
from clubai.cli.checks import Check, check_all
from clubai.cli.options import club_options, examples, json_option, option
from clubai.cli.running import run
from clubai.tui import plain

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command(
    epilog=examples("clubai doctor", "clubai doctor --json", "clubai doctor --data x")
)
@club_options
@option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("data"),
    envvar="CLUBAI_DATA",
    help="The data directory to look at.",
)
@option("--port", default=8000, help="The port that a coordinator would take.")
@json_option
@click.pass_context
def doctor(
    ctx: click.Context,
    /,
    url: str | None,
    api_key: str | None,
    data: Path,
    port: int,
    as_json: bool,
) -> None:
    """Check this machine and the way to the club; exit 1 when something fails."""
    target = place.find(url, api_key)
    checks = run(partial(check_all, target, data=data, port=port))
    failed = any(check.status == "fail" for check in checks)
    if as_json:
        click.echo(plain.to_json({"ok": not failed, "checks": checks}))
    else:
        for check in checks:
            _tell(check)
    if failed:
        ctx.exit(FAILED)


def _tell(check: Check) -> None:
    status = click.style(f"{check.status:<4}", fg=_COLOURS[check.status])
    click.echo(f"{status}  {check.name:<12} {plain.name(check.detail, 300)}")
    if check.fix:
        click.echo(f"{'':<19}fix: {check.fix}")
