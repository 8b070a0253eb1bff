"""`clubai node`: which machines are a member's nodes."""

from __future__ import annotations

import time
from functools import partial
from typing import Any
from urllib.parse import quote

import click
import msgspec

from clubai.cli import interventions, place, promises, references, show
from clubai.cli.options import club_options, examples, json_option
from clubai.cli.running import run
from clubai.client import rest
from clubai.protocol.login import ENROLMENTS_PATH, EnrolledNode
from clubai.protocol.session import NODE_PATH
from clubai.tui import plain

_ENROLLED = "/api/enrolled"


@click.group(
    epilog=examples(
        "clubai node enrol",
        "clubai node list",
        "clubai node confirm abcdefghijkl",
        "clubai node remove abcdefghijkl",
        'clubai node promise abcdefghijkl "Mon-Fri 18:00-23:00" --zone Europe/Berlin',
        "clubai node pause abcdefghijkl",
    )
)
def node() -> None:
    """Enrol your nodes, promise their hours, pause and remove them.

    For operators: trust, kick and remark on them.
    """


for _command in (promises.promise, promises.pause, promises.drain, promises.resume):
    node.add_command(_command)


@node.command(
    epilog=examples(
        "clubai node enrol",
        "clubai node enrol --confirm",
        "clubai node enrol --json",
    )
)
@click.option(
    "--confirm",
    is_flag=True,
    allow_from_autoenv=False,
    help="The node waits until you confirm it: for a token that others may see.",
)
@club_options
@json_option
def enrol(url: str | None, api_key: str | None, confirm: bool, as_json: bool) -> None:
    """Make a token with which one machine becomes your node.

    The token is shown once, is good for one machine and a day. On the machine no key
    of yours is needed.
    """
    target = place.find(url, api_key)
    made = run(partial(_call, target, "POST", ENROLMENTS_PATH, {"confirm": confirm}))
    if as_json:
        fields = {**made, "coordinator": _node_address(target)}
        click.echo(plain.to_json(fields))
        return
    click.echo("On the machine that is to be your node, within a day:\n")
    click.echo(
        f"  clubai-agent --coordinator {_node_address(target)}"
        f" --enrol {plain.name(str(made.get('token', '')), 128)}\n"
    )
    if confirm:
        click.echo("Then compare the nickname that the agent shows, and let it in:\n")
        click.echo("  clubai node list\n  clubai node confirm NICKNAME")
    else:
        click.echo("`clubai node list` shows it by the nickname that the agent shows.")


@node.command(name="list", epilog=examples("clubai node list --json"))
@click.option(
    "--all",
    "everybody",
    is_flag=True,
    allow_from_autoenv=False,
    help="Those of all members, for an operator.",
)
@club_options
@json_option
def list_nodes(
    url: str | None, api_key: str | None, everybody: bool, as_json: bool
) -> None:
    """List your nodes: pending, enrolled or removed."""
    target = place.find(url, api_key)
    path = f"{_ENROLLED}?all=1" if everybody else _ENROLLED
    answer = run(partial(_call, target, "GET", path))
    if as_json:
        click.echo(plain.to_json(answer))
        return
    nodes = msgspec.convert(answer.get("nodes", []), list[EnrolledNode])
    console = show.console()
    console.print(
        show.enrolled_table(
            nodes,
            now=time.time(),
            owners=everybody,
            plain_box=show.is_plain(console),
        )
    )


@node.command(epilog=examples("clubai node confirm abcdefghijkl"))
@click.argument("nickname")
@club_options
@json_option
def confirm(nickname: str, url: str | None, api_key: str | None, as_json: bool) -> None:
    """Let the pending node NICKNAME in.

    Compare the nickname with the one that the agent shows on the node's machine.
    """
    target = place.find(url, api_key)
    path = f"{_ENROLLED}/{quote(nickname, safe='')}/confirmed"
    _tell(run(partial(_call, target, "PUT", path)), "is enrolled", as_json=as_json)


@node.command(epilog=examples("clubai node remove abcdefghijkl"))
@click.argument("nickname")
@club_options
@json_option
def remove(nickname: str, url: str | None, api_key: str | None, as_json: bool) -> None:
    """Keep the node NICKNAME out for good; its connection ends at once.

    An operator may remove any node. The machine can come back as another node, with
    another data directory and another token.
    """
    target = place.find(url, api_key)
    path = f"{_ENROLLED}/{quote(nickname, safe='')}"
    _tell(run(partial(_call, target, "DELETE", path)), "is removed", as_json=as_json)


for command in (
    references.trust,
    references.untrust,
    references.reinstate,
    interventions.kick,
    interventions.note,
):
    node.add_command(command)


async def _call(
    target: place.Place, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    return await rest.call(method, target.url, path, body=body, key=target.api_key)


def _node_address(target: place.Place) -> str:
    return target.url.replace("http", "ws", 1) + NODE_PATH


def _tell(answer: dict[str, Any], what: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(plain.to_json(answer))
        return
    nickname, name = str(answer.get("nickname", "")), str(answer.get("name", ""))
    shown = f" ({plain.name(name)})" if name else ""
    click.echo(f"{plain.name(nickname)}{shown} {what}")
