"""`clubai node trust|untrust|reinstate`: what is decided about nodes."""

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


@click.command(epilog=examples("clubai node trust node-1"))
@click.argument("node")
@club_options
@json_option
def trust(node: str, url: str | None, api_key: str | None, as_json: bool) -> None:
    """Make NODE a reference: others are checked against its answers. For operators.

    Trust machines of your own. Two of them, of the same model and quantization, make
    the answer keys of that model.
    """
    _change(node, "PUT", "trusted", {}, url, api_key)
    _tell(node, "trusted", True, "is a reference now", as_json=as_json)


@click.command(epilog=examples("clubai node untrust node-1"))
@click.argument("node")
@club_options
@json_option
def untrust(node: str, url: str | None, api_key: str | None, as_json: bool) -> None:
    """Make NODE an ordinary node again. For operators."""
    _change(node, "DELETE", "trusted", {}, url, api_key)
    _tell(node, "trusted", False, "is no reference any more", as_json=as_json)


@click.command(epilog=examples('clubai node reinstate node-7 --why "a broken disk"'))
@click.argument("node")
@click.option("--why", required=True, metavar="TEXT", help="The reason.")
@club_options
@json_option
def reinstate(
    node: str, why: str, url: str | None, api_key: str | None, as_json: bool
) -> None:
    """Let the suspended NODE work again, on probation. For operators and moderators."""
    _change(node, "POST", "reinstated", {"why": why}, url, api_key)
    _tell(node, "reinstated", True, "may work again", as_json=as_json)


def _change(
    node: str,
    method: str,
    what: str,
    body: dict[str, Any],
    url: str | None,
    api_key: str | None,
) -> None:
    target = place.find(url, api_key)
    part = "nodes" if what == "trusted" else "reputation"
    path = f"/api/{part}/{quote(node, safe='')}/{what}"
    sent = body or None
    run(partial(rest.call, method, target.url, path, body=sent, key=target.api_key))


def _tell(node: str, field: str, value: bool, what: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(plain.to_json({"node": node, field: value}))
    else:
        click.echo(f"{plain.name(node)} {what}")
