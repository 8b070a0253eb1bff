"""`clubai audit`: what was done in the club, and by whom."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote

import click

from clubai.cli import place, show
from clubai.cli.options import club_options, examples, json_option
from clubai.cli.running import run
from clubai.client import rest
from clubai.tui import look, plain


@click.command(
    epilog=examples(
        "clubai audit",
        "clubai audit --limit 200 --json",
        "clubai audit --before 1200",
        "clubai audit --object abcdefghijkl",
    )
)
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, help="Lines to show."
)
@click.option(
    "--before",
    type=click.IntRange(min=1),
    metavar="SEQ",
    help="Only lines before this one: `next` of the page before.",
)
@click.option(
    "--object",
    "object_id",
    metavar="ID",
    help="Only what was done to this member, key, task, or node (its nickname).",
)
@club_options
@json_option
def audit(
    limit: int,
    before: int | None,
    object_id: str | None,
    url: str | None,
    api_key: str | None,
    as_json: bool,
) -> None:
    """Show the audit log, newest first. For operators and auditors."""
    target = place.find(url, api_key)
    path = f"/api/audit?limit={limit}"
    if before is not None:
        path += f"&before={before}"
    if object_id is not None:
        path += f"&object={quote(object_id, safe='')}"
    page = run(partial(rest.call, "GET", target.url, path, key=target.api_key))
    if as_json:
        click.echo(plain.to_json(page))
        return
    show.print_rows(
        ("Seq", "At (UTC)", "Who", "Did", "To", "Detail"),
        (
            (
                str(line["seq"]),
                look.moment(line["at"]),
                line["actor"] or "-",
                line["action"],
                line["object"] or "-",
                line["detail"],
            )
            for line in page["entries"]
        ),
    )
    if page["next"] is not None:
        more = f"more: clubai audit --before {page['next']}"
        if object_id is not None:
            more += f" --object {plain.name(object_id)}"
        click.echo(more, err=True)
