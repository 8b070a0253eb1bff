"""`clubai month`: close months, read statements, and check them without the club."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click
import msgspec

from clubai.cli import place
from clubai.cli.options import club_options, examples, json_option
from clubai.cli.running import run
from clubai.client import rest
from clubai.crypto.keytext import read_key
from clubai.economics import canonical
from clubai.economics.statement import body_in
from clubai.economics.verify import Report, verify_statement
from clubai.errors import ConfigError
from clubai.tui import look, plain

_EXISTING: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_CLOSE_S: Final = 120.0


@click.group(
    epilog=examples(
        "clubai month close 2026-01 --dry-run",
        "clubai month statement 2026-01 --out january.json",
        "clubai month verify january.json --key KEY",
    )
)
def month() -> None:
    """Close months; read and check statements."""


@month.command(
    epilog=examples(
        "clubai month close 2026-01 --dry-run", "clubai month close 2026-01 --json"
    )
)
@click.argument("period", metavar="MONTH")
@click.option(
    "--dry-run",
    is_flag=True,
    allow_from_autoenv=False,
    help="Show what the close would be, and change nothing.",
)
@club_options
@json_option
def close(
    period: str, dry_run: bool, url: str | None, api_key: str | None, as_json: bool
) -> None:
    """Close MONTH (such as 2026-01), from three days after its end on.

    For operators and treasurers. What is closed stays so: a second time does nothing.
    """
    target = place.find(url, api_key)
    call = partial(
        rest.call,
        "POST",
        target.url,
        f"/api/months/{quote(period, safe='')}/close",
        body={"dry_run": dry_run},
        key=target.api_key,
        timeout_s=_CLOSE_S,
    )
    told = run(call)
    if as_json:
        click.echo(plain.to_json(told))
        return
    for line in _closing_lines(told):
        click.echo(line)


@month.command(
    epilog=examples(
        "clubai month statement", "clubai month statement 2026-01 --out january.json"
    )
)
@click.argument("period", metavar="[MONTH]", default="")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    allow_from_autoenv=False,
    help="Keep it in a file, for `clubai month verify`.",
)
@click.option(
    "--public",
    is_flag=True,
    allow_from_autoenv=False,
    help="Without your own part: the file that everybody may have.",
)
@club_options
@json_option
def statement(
    period: str,
    out: Path | None,
    public: bool,
    url: str | None,
    api_key: str | None,
    as_json: bool,
) -> None:
    """Read the statement of MONTH; without it, of the last one that is closed.

    With your own part: which payout is yours, its proof, and each task of your nodes.
    """
    target = place.find(url, api_key)
    what = "statement" if public else "mine"
    told = run(partial(_statement, target, period, what))
    file = canonical.encode(told)
    if out is not None:
        out.write_bytes(file + b"\n")
    if as_json:
        click.echo(plain.to_json(told))
        return
    body = canonical.decode(body_in(file))
    for name in ("month", "currency", "net", "operator", "reserve", "pool", "carry"):
        click.echo(f"{name:10}{plain.name(str(body[name]))}")
    if out is not None:
        click.echo(f"it is in {out}: check it with `clubai month verify`", err=True)


@month.command(
    epilog=examples(
        "clubai month verify january.json --key KEY",
        "clubai month verify february.json --key KEY --previous january.json",
    )
)
@click.argument("file", type=_EXISTING, metavar="FILE")
@click.option(
    "--key",
    required=True,
    metavar="KEY",
    allow_from_autoenv=False,
    help="The club's key, as `clubai trust show` has it.",
)
@click.option(
    "--own",
    type=_EXISTING,
    metavar="FILE",
    allow_from_autoenv=False,
    help="A statement with your own part, when FILE is the public one.",
)
@click.option(
    "--previous",
    type=_EXISTING,
    metavar="FILE",
    allow_from_autoenv=False,
    help="The month before, to check that FILE follows it.",
)
@json_option
def verify(
    file: Path, key: str, own: Path | None, previous: Path | None, as_json: bool
) -> None:
    """Check a statement, and ask nobody. Exit code 1 when something does not hold."""
    report = verify_statement(
        file.read_bytes(),
        read_key(key, "key"),
        own=None if own is None else own.read_bytes(),
        previous=None if previous is None else previous.read_bytes(),
    )
    if as_json:
        click.echo(plain.to_json(_report(report)))
        return
    for line in report.checked:
        click.echo(f"ok  {line}")
    if report.own is not None and report.own.leaf is not None:
        currency = plain.name(report.statement.currency)
        click.echo(f"you got {report.own.leaf.minor} {currency} (minor units)")


async def _statement(target: place.Place, period: str, what: str) -> dict[str, Any]:
    call = partial(rest.call, "GET", target.url, key=target.api_key)
    if not period:
        months = (await call("/api/months"))["months"]
        if not months:
            raise ConfigError("MONTH", "", "no month is closed yet")
        period = str(months[-1])
    return await call(f"/api/months/{quote(period, safe='')}/{what}")


def _closing_lines(told: dict[str, Any]) -> list[str]:
    if "net" not in told:
        return [f"{told['month']} was closed {look.day(told['at'])}"]
    lines = [
        f"{name:10}{told[name]}"
        for name in ("month", "net", "operator", "reserve", "pool", "carry")
    ]
    lines += [
        f"  {plain.name(each['member'])}  {each['minor']} {told['currency']}"
        for each in told["payouts"]
    ]
    lines += [f"  {count} tasks {status}" for status, count in told["tasks"].items()]
    if told.get("waits_for"):
        lines.append("not closed yet: a second person must ask for the same")
    else:
        lines.append("it is closed" if told["closed"] else "nothing was changed")
    return lines


def _report(report: Report) -> dict[str, Any]:
    return {
        "ok": True,
        "statement": msgspec.to_builtins(report.statement),
        "own": None if report.own is None else msgspec.to_builtins(report.own),
        "checked": list(report.checked),
    }
