"""`clubai trust`: which keys this member's machine trusts, and why."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import click
import msgspec

from clubai.cli import pinned, place, show, trust_text
from clubai.cli.options import club_options, examples, json_option, option
from clubai.cli.running import run
from clubai.client import rest
from clubai.client.pins import Pins
from clubai.client.remembered import Policy, Remembered
from clubai.client.trust import Trust
from clubai.client.verify import Verified, verify_club
from clubai.crypto.bundles import countersign
from clubai.crypto.keytext import key_text, read_key
from clubai.errors import ConfigError
from clubai.model import NodeId
from clubai.protocol.keylog import CLUB_KEY_PATH, LOG_PREFIX, ClubKey
from clubai.transport.fetch import open_fetch
from clubai.tui import plain


@click.group(
    epilog=examples(
        "clubai trust show",
        "clubai trust verify --json",
        "clubai trust pin 3vq7k2m5x4za",
        "clubai trust policy --pinned-only",
    )
)
def trust() -> None:
    """Show, check and choose the keys that this machine trusts."""


def _url_option(func: Callable[..., Any]) -> Callable[..., Any]:
    return option(
        "--url",
        envvar="CLUBAI_URL",
        metavar="URL",
        help="The club; else the one of `clubai login`, else http://127.0.0.1:8000.",
    )(func)


_owners_option = click.option(
    "--owner",
    "owners",
    multiple=True,
    metavar="KEY",
    allow_from_autoenv=False,
    help="An owner's key, as `clubai trust key` shows it there.",
)


@trust.command("show", epilog=examples("clubai trust show", "clubai trust show --json"))
@_url_option
@json_option
def show_trust(url: str | None, as_json: bool) -> None:
    """Show what is pinned and was seen; asks nobody."""
    target = place.find(url, None).url
    path = pinned.pins_file(target)
    club = Pins.load(path).club
    if as_json:
        click.echo(plain.to_json(trust_text.fields(target, str(path), club)))
        return
    console = show.console()
    console.print(show.labelled(trust_text.lines(target, club)))
    if club.nodes:
        console.print()
        plain_box = show.is_plain(console)
        console.print(trust_text.seen_table(club, plain_box=plain_box))


@trust.command(epilog=examples("clubai trust verify", "clubai trust verify --json"))
@club_options
@json_option
def verify(url: str | None, api_key: str | None, as_json: bool) -> None:
    """Check the club's key, key log and live nodes.

    Reads the log from the club and believes nothing that it does not prove. Exit code
    1 when something is wrong. The club's key is pinned when none is.
    """
    target = place.find(url, api_key)
    found = run(partial(_verify, target))
    if as_json:
        told = {"ok": not found.problems, "url": target.url}
        click.echo(plain.to_json({**told, **msgspec.to_builtins(found)}))
    else:
        for line in trust_text.findings(found):
            click.echo(line)
    if found.problems:
        raise click.exceptions.Exit(1)


@trust.command(
    epilog=examples(
        "clubai trust pin 3vq7k2m5x4za",
        "clubai trust pin --owner KEY",
        "clubai trust pin --club KEY",
    )
)
@click.argument("nodes", nargs=-1, metavar="[NODE]...")
@_owners_option
@click.option(
    "--club",
    "club_key",
    metavar="KEY",
    allow_from_autoenv=False,
    help="Trust this key of the club's in place of the pinned one.",
)
@_url_option
@json_option
def pin(
    nodes: Sequence[str],
    owners: Sequence[str],
    club_key: str | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Pin nodes, owners, or another key of the club.

    NODE is an id, or the first 12 characters of one that was seen. Compare it with what
    its owner sees: whoever pins a node vouches for it.
    """

    def change(club: Remembered) -> None:
        if club_key is not None:
            club.replace_key(key_text(read_key(club_key, "--club")))
        found = [_seen_node(node, club) for node in nodes]
        keys = [key_text(read_key(owner, "--owner")) for owner in owners]
        club.pinned_nodes = sorted({*club.pinned_nodes, *found})
        club.pinned_owners = sorted({*club.pinned_owners, *keys})

    if not (nodes or owners or club_key):
        raise click.UsageError("Name a NODE, an --owner or a --club to pin.")
    _edit(url, change, as_json=as_json)


@trust.command(
    epilog=examples("clubai trust unpin 3vq7k2m5x4za", "clubai trust unpin --owner KEY")
)
@click.argument("nodes", nargs=-1, metavar="[NODE]...")
@_owners_option
@_url_option
@json_option
def unpin(
    nodes: Sequence[str], owners: Sequence[str], url: str | None, as_json: bool
) -> None:
    """Take pins of nodes and owners back."""

    def change(club: Remembered) -> None:
        known = dict.fromkeys(club.pinned_nodes, "")
        found = [pinned.find_node(node, known) for node in nodes]
        keys = [key_text(read_key(owner, "--owner")) for owner in owners]
        for field, gone, kept in (
            ("node", found, club.pinned_nodes),
            ("--owner", keys, club.pinned_owners),
        ):
            for each in gone:
                if each not in kept:
                    raise ConfigError(field, each, "it is not pinned")
        club.pinned_nodes = sorted(set(club.pinned_nodes) - set(found))
        club.pinned_owners = sorted(set(club.pinned_owners) - set(keys))

    if not (nodes or owners):
        raise click.UsageError("Name a NODE or an --owner to unpin.")
    _edit(url, change, as_json=as_json)


@trust.command(
    epilog=examples(
        "clubai trust policy",
        "clubai trust policy --min-age-days 7",
        "clubai trust policy --owners-only",
        "clubai trust policy --any-node --min-age-days 0",
    )
)
@click.option(
    "--pinned-only/--any-node",
    "pinned_only",
    default=None,
    allow_from_autoenv=False,
    help="Ask pinned nodes only, or any.",
)
@click.option(
    "--owners-only/--any-owner",
    "owners_only",
    default=None,
    allow_from_autoenv=False,
    help="Ask pinned nodes and those of pinned owners only, or of any.",
)
@click.option(
    "--min-age-days",
    type=click.IntRange(0, 3650),
    default=None,
    allow_from_autoenv=False,
    help="Days that other nodes must have been in the key log; 7 is a good choice.",
)
@_url_option
@json_option
def policy(
    pinned_only: bool | None,
    owners_only: bool | None,
    min_age_days: int | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Show or choose which nodes may be asked.

    By default any node of the club; pinned ones always.
    """

    def change(club: Remembered) -> None:
        old = club.policy
        club.policy = Policy(
            pinned=old.pinned if pinned_only is None else pinned_only,
            owners=old.owners if owners_only is None else owners_only,
            min_age_days=old.min_age_days if min_age_days is None else min_age_days,
        )

    _edit(url, change, as_json=as_json)


@trust.command(epilog=examples("clubai trust key", "clubai trust key --json"))
@json_option
def key(as_json: bool) -> None:
    """Show (and make) one's own member key, for others to pin."""
    text = key_text(pinned.member_identity().key)
    if as_json:
        file = str(pinned.member_key_file())
        click.echo(plain.to_json({"key": text, "file": file}))
    else:
        click.echo(text)


@trust.command(
    epilog=examples("clubai trust own attic", "clubai trust own attic --json")
)
@click.argument("node")
@club_options
@json_option
def own(node: str, url: str | None, api_key: str | None, as_json: bool) -> None:
    """Countersign NODE, a node of one's own.

    NODE is its name, its id, or the first 12 characters of that. Members who pin
    one's key (`clubai trust key`) then know whose it is.
    """
    target = place.find(url, api_key)
    found, key = run(partial(_own, target, node))
    if as_json:
        click.echo(plain.to_json({"node": found, "key": key}))
    else:
        click.echo(f"countersigned node {found}\nwith the key {key}")


async def _verify(target: place.Place) -> Verified:
    told = await rest.call("GET", target.url, CLUB_KEY_PATH)
    nodes = await _nodes_of(target)
    live = {
        NodeId(read_key(node, "node")): name
        for node, (name, live) in nodes.items()
        if live
    }
    pins = Pins.load(pinned.pins_file(target.url))
    checked = Trust(pins, clock_ms=lambda: time.time_ns() // 1_000_000)
    club = msgspec.convert(told, ClubKey)
    async with open_fetch(target.url + LOG_PREFIX) as fetch:
        found = await verify_club(checked, club, live, fetch)
    await checked.flush()
    return found


async def _own(target: place.Place, text: str) -> tuple[str, str]:
    nodes = await _nodes_of(target)
    node = pinned.find_node(text, {node: name for node, (name, _) in nodes.items()})
    identity = pinned.member_identity()
    sig = countersign(identity, NodeId(read_key(node, "node")))
    body = {"key": key_text(identity.key), "sig": msgspec.to_builtins(sig)}
    path = f"/api/nodes/{node}/owner"
    await rest.call("PUT", target.url, path, body=body, key=target.api_key)
    return node, key_text(identity.key)


async def _nodes_of(target: place.Place) -> dict[str, tuple[str, bool]]:
    """Names by id of the club's nodes, and whether each is there now."""
    answer = await rest.call("GET", target.url, "/api/nodes", key=target.api_key)
    nodes = msgspec.convert(answer.get("nodes", []), list[dict[str, Any]])
    return {
        str(node.get("id", "")): (
            str(node.get("name", "")),
            node.get("state") != "lost",
        )
        for node in nodes
    }


def _edit(
    url: str | None, change: Callable[[Remembered], None], *, as_json: bool
) -> None:
    target = place.find(url, None).url
    path = pinned.pins_file(target)
    with Pins.editing(path) as club:
        before = club.copy()
        change(club)
    if as_json:
        click.echo(plain.to_json(trust_text.fields(target, str(path), club)))
        return
    if before == club:
        click.echo("nothing to change")
    show.console().print(show.labelled(trust_text.lines(target, club)))


def _seen_node(text: str, club: Remembered) -> str:
    return pinned.find_node(text, dict.fromkeys(club.nodes, ""))
