"""`clubai node kick` and `note`: what operators do to nodes by hand."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

import click

from clubai.cli import place
from clubai.cli.options import club_options, examples, json_option
from clubai.cli.running import run
from clubai.client import rest
from clubai.tui import plain


@click.command(
    epilog=examples(
        "clubai node kick abcdefghijkl", 'clubai node kick node-7 --why "it hangs"'
    )
)
@click.argument("nickname")
@click.option(
    "--why",
    default="",
    metavar="TEXT",
    allow_from_autoenv=False,
    show_default=False,
    help="Told to the node, and kept in the audit log.",
)
@club_options
@json_option
def kick(
    nickname: str, why: str, url: str | None, api_key: str | None, as_json: bool
) -> None:
    """End the connection of the node NICKNAME (or a name). For operators.

    Its tasks go to others, and it costs no points. The node may come back at once:
    `clubai node pause` keeps work from it, `clubai node remove` keeps it out.
    """
    target = place.find(url, api_key)
    answer = run(partial(_call, target, "DELETE", nickname, "connection", {"why": why}))
    _tell(answer, "is disconnected", as_json=as_json)


@click.command(
    epilog=examples('clubai node note abcdefghijkl "the fan is loud, asked its owner"')
)
@click.argument("nickname")
@click.argument("text")
@club_options
@json_option
def note(
    nickname: str, text: str, url: str | None, api_key: str | None, as_json: bool
) -> None:
    """Remark TEXT on the node NICKNAME (or a name). For operators.

    It is one line of at most 200 characters in the audit log, and nowhere else:
    `clubai audit --object NICKNAME` shows it.
    """
    target = place.find(url, api_key)
    answer = run(partial(_call, target, "POST", nickname, "note", {"text": text}))
    _tell(answer, "has your remark", as_json=as_json)


async def _call(
    target: place.Place, method: str, node: str, what: str, body: dict[str, Any]
) -> dict[str, Any]:
    path = f"/api/nodes/{quote(node, safe='')}/{what}"
    return await rest.call(method, target.url, path, body=body, key=target.api_key)


def _tell(answer: dict[str, Any], what: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(plain.to_json(answer))
    else:
        click.echo(f"{plain.name(answer['nickname'])} {what}")
