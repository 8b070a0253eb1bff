"""`clubai reputation`: how the nodes stand, and why."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

import click

from clubai.cli import evidence, place, show
from clubai.cli.options import club_options, examples, json_option
from clubai.cli.running import run
from clubai.client import rest
from clubai.tui import look, plain


@click.command(
    epilog=examples(
        "clubai reputation",
        "clubai reputation node-1",
        "clubai reputation node-1 --why",
        "clubai reputation node-1 --why --before 1200 --json",
        "clubai reputation --check c_0f3a5d6b7c8e9f01",
    )
)
@click.argument("node", required=False, default="")
@click.option(
    "--why",
    is_flag=True,
    allow_from_autoenv=False,
    help="Show every change of NODE's points with its reason.",
)
@click.option(
    "--check",
    default="",
    metavar="ID",
    allow_from_autoenv=False,
    help="Show what a check asked and what it got: those that your nodes failed.",
)
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, help="Changes to show."
)
@click.option(
    "--before",
    type=click.IntRange(min=1),
    metavar="SEQ",
    help="Only changes before this one: `next` of the page before.",
)
@club_options
@json_option
def reputation(
    node: str,
    why: bool,
    check: str,
    limit: int,
    before: int | None,
    url: str | None,
    api_key: str | None,
    as_json: bool,
) -> None:
    """Show the points of all nodes, or of NODE (its name or nickname) and why.

    Points that count move the choice of nodes and the pay; points in escrow count
    once the node has passed an audit.
    """
    if why and not node:
        raise click.UsageError("--why needs a NODE: `clubai reputation NODE --why`.")
    target = place.find(url, api_key)
    if check:
        path = f"/api/checks/{quote(check.removeprefix('check:'), safe='')}"
        found = run(partial(rest.call, "GET", target.url, path, key=target.api_key))
        if as_json:
            click.echo(plain.to_json(found))
        else:
            evidence.print_check(found)
        return
    path = "/api/reputation"
    if node:
        path += f"/{quote(node, safe='')}?limit={limit if why else 1}"
        path += f"&before={before}" if before is not None else ""
    page = run(partial(rest.call, "GET", target.url, path, key=target.api_key))
    if as_json:
        if node and not why:
            page = page["node"]
        click.echo(plain.to_json(page))
    elif node:
        _show_one(page, why=why)
    else:
        _show_all(page)


def _show_all(page: dict[str, Any]) -> None:
    show.print_rows(
        ("Node", "Nickname", "Owner", "Points", "Escrow", "State", "Audits", "Rate"),
        (
            (
                each["name"] or "-",
                each["nickname"],
                each["owner"],
                str(each["points"]),
                str(each["held"]),
                _state(each),
                str(each["audits_passed"]),
                f"{each['audit_rate']:.0%}",
            )
            for each in page["nodes"]
        ),
    )
    month = page["verification"]["month"]
    if month["tokens"]:
        click.echo(
            f"checks took {month['share']:.1%} of all tokens"
            " since the coordinator started (30 days at most)",
            err=True,
        )


def _show_one(page: dict[str, Any], *, why: bool) -> None:
    node = page["node"]
    rows = [
        ("node", f"{plain.name(node['name'] or '-')} ({node['nickname']})"),
        ("owner", plain.name(node["owner"])),
        ("points", f"{node['points']}, and {node['held']} in escrow"),
        ("state", _state(node)),
        ("audits", f"{node['audits_passed']} passed, {node['streak']} in a row"),
        ("audited", f"{node['audit_rate']:.0%} of its tasks"),
        ("marks", f"{node['marks']}, {len(node['open_reviews'])} reviews open"),
        ("promises", _promises(node)),
    ]
    show.console().print(show.labelled(rows))
    if not why:
        return
    click.echo()
    show.print_rows(
        ("Seq", "At (UTC)", "Change", "Points", "Escrow", "Total", "Rests on", "Why"),
        (
            (
                str(line["seq"]),
                look.moment(line["at"]),
                line["change"],
                _signed(line["points"]),
                _signed(line["held"]),
                str(line["total"]),
                line["cause"] or "-",
                line["why"] or "-",
            )
            for line in page["changes"]
        ),
    )
    if page["next"] is not None:
        name = plain.name(node["name"] or node["nickname"])
        click.echo(
            f"more: clubai reputation {name} --why --before {page['next']}", err=True
        )


def _state(node: dict[str, Any]) -> str:
    words = [str(node["state"])]
    if node["state"] == "suspended":
        until = node["suspended_until"]
        words.append("until " + (look.day(until) if until else "a review by members"))
    if node["trusted"]:
        words.append("(reference)")
    return " ".join(words)


def _promises(node: dict[str, Any]) -> str:
    counts = f"{node['kept_hours']} h kept, {node['broken_hours']} h broken"
    return f"{plain.name(node['schedule'])}: {counts}" if node["schedule"] else counts


def _signed(points: int) -> str:
    return f"{points:+}" if points else "-"
