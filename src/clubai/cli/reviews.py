"""`clubai review`: what was found wrong, side by side, for whoever decides about it."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from clubai.cli import evidence, place, show
from clubai.cli.options import club_options, examples, json_option
from clubai.cli.running import run
from clubai.client import rest
from clubai.tui import look, plain


@click.command(
    epilog=examples(
        "clubai review",
        "clubai review 1204",
        'clubai review 1204 --dismiss "the question was ambiguous"',
        'clubai review 1204 --uphold "it answered another question"',
        "clubai review --all --json",
    )
)
@click.argument("review", required=False, type=click.IntRange(min=0), metavar="[SEQ]")
@click.option(
    "--all",
    "every",
    is_flag=True,
    allow_from_autoenv=False,
    help="List the ended ones too.",
)
@click.option(
    "--uphold", metavar="WHY", help="End it: the answer was invalid, at full cost."
)
@click.option("--dismiss", metavar="WHY", help="End it: nothing was wrong.")
@club_options
@json_option
def review(
    review: int | None,
    every: bool,
    uphold: str | None,
    dismiss: str | None,
    url: str | None,
    api_key: str | None,
    as_json: bool,
) -> None:
    """List the open reviews, or show the review SEQ, or end it.

    For operators and moderators. A disagreement costs a node nothing until somebody
    upholds it here, or proof comes by other ways.
    """
    if uphold is not None and dismiss is not None:
        raise click.UsageError("Give one of --uphold and --dismiss.")
    ends = uphold is not None or dismiss is not None
    if ends and review is None:
        raise click.UsageError("Say which review: `clubai review` lists them.")
    target = place.find(url, api_key)
    if review is None:
        path = "/api/reviews?all=1" if every else "/api/reviews"
        page = run(partial(rest.call, "GET", target.url, path, key=target.api_key))
        if as_json:
            click.echo(plain.to_json(page))
        else:
            _show_all(page["reviews"])
        return
    path = f"/api/reviews/{review}"
    if not ends:
        one = run(partial(rest.call, "GET", target.url, path, key=target.api_key))
        if as_json:
            click.echo(plain.to_json(one))
        else:
            _show_one(one)
        return
    why = uphold if uphold is not None else dismiss
    body = {"upheld": uphold is not None, "why": why}
    run(partial(rest.call, "POST", target.url, path, body=body, key=target.api_key))
    if as_json:
        click.echo(plain.to_json({"review": review, **body}))
    else:
        word = "upheld" if uphold is not None else "dismissed"
        click.echo(f"review {review} is {word}")


def _show_all(reviews: list[dict[str, Any]]) -> None:
    show.print_rows(
        ("Seq", "Opened (UTC)", "Node", "Nickname", "State", "Rests on", "Why"),
        (
            (
                str(each["seq"]),
                look.moment(each["at"]),
                each["name"] or "-",
                each["nickname"],
                "open" if each["open"] else "ended",
                each["cause"] or "-",
                each["why"],
            )
            for each in reviews
        ),
    )


def _show_one(one: dict[str, Any]) -> None:
    rows = [
        ("review", f"{one['seq']}, opened {look.moment(one['at'])} UTC"),
        ("node", f"{plain.name(one['name'] or '-')} ({one['nickname']})"),
        ("why", plain.name(one["why"], limit=500)),
        ("rests on", plain.name(one["cause"], limit=128)),
        ("state", "open" if one["open"] else plain.name(one["outcome"], limit=500)),
    ]
    show.console().print(show.labelled(rows))
    for check in one["evidence"]:
        evidence.print_check(check)
    if not one["evidence"]:
        click.echo(
            "\nNo text is kept of members' work: there is the verdict alone,"
            " signed by the member's client."
        )
