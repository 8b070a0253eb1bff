"""`clubai node promise`, `pause`, `drain` and `resume`: what an owner announces."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from urllib.parse import quote

import click
import msgspec

from clubai.cli import place, show
from clubai.cli.local_zone import local_zone
from clubai.cli.options import club_options, examples, json_option
from clubai.cli.running import run
from clubai.client import rest
from clubai.protocol.login import EnrolledNode
from clubai.reputation.promise import parse_schedule
from clubai.tui import look, plain

_EXAMPLE: Final = "Mon-Fri 18:00-23:00"
_why_option = click.option(
    "--why",
    default="",
    metavar="TEXT",
    allow_from_autoenv=False,
    show_default=False,
    help="Said to whoever looks at the node.",
)


@click.command(
    epilog=examples(
        f'clubai node promise abcdefghijkl "{_EXAMPLE}" --zone Europe/Berlin',
        'clubai node promise "daily 22:00-06:00; Sat,Sun 00:00-24:00"',
        "clubai node promise abcdefghijkl",
        "clubai node promise abcdefghijkl --withdraw",
    )
)
@click.argument("nickname", required=False, default="", metavar="[NODE]")
@click.argument("schedule", required=False, default="")
@click.option(
    "--zone",
    default="",
    metavar="NAME",
    allow_from_autoenv=False,
    show_default=False,
    help="Time zone of the hours, such as Europe/Berlin; else this machine's.",
)
@click.option(
    "--withdraw",
    is_flag=True,
    allow_from_autoenv=False,
    help="Promise nothing, from the next full hour on.",
)
@club_options
@json_option
def promise(
    nickname: str,
    schedule: str,
    zone: str,
    withdraw: bool,
    url: str | None,
    api_key: str | None,
    as_json: bool,
) -> None:
    """Show the hours that NODE (a name or nickname) promises, or promise SCHEDULE.

    A schedule counts from the next full hour on. A promised hour that is not kept costs
    points, unless you announced a pause. With one node, leave NODE out.
    """
    if ":" in nickname and not schedule:
        nickname, schedule = "", nickname
    if withdraw and schedule:
        raise click.UsageError("--withdraw takes no SCHEDULE.")
    if zone and not schedule:
        raise click.UsageError(f'--zone needs a SCHEDULE, such as "{_EXAMPLE}".')
    body, is_local = _wish(schedule, zone) if schedule else (None, False)
    method = "PUT" if schedule else "DELETE" if withdraw else "GET"
    target = place.find(url, api_key)
    answer = run(partial(_call, target, method, nickname, "promise", body))
    if as_json:
        click.echo(plain.to_json(answer))
    elif method == "GET":
        _show(answer)
    else:
        click.echo(_promised(answer))
        if is_local:
            click.echo("The time zone is this machine's: --zone names another one.")


@click.command(
    epilog=examples(
        "clubai node pause abcdefghijkl", 'clubai node pause --why "a film until ten"'
    )
)
@click.argument("nickname", required=False, default="", metavar="[NODE]")
@_why_option
@club_options
@json_option
def pause(
    nickname: str, why: str, url: str | None, api_key: str | None, as_json: bool
) -> None:
    """Give NODE no new work; it ends what it has.

    Promised hours that begin before it goes on cost nothing. With one node, leave
    NODE out.
    """
    target = place.find(url, api_key)
    answer = run(partial(_call, target, "PUT", nickname, "pause", {"why": why}))
    _tell(answer, "takes no new work, and ends what it has", as_json=as_json)


@click.command(
    epilog=examples(
        "clubai node drain abcdefghijkl", 'clubai node drain --why "a new card"'
    )
)
@click.argument("nickname", required=False, default="", metavar="[NODE]")
@_why_option
@club_options
@json_option
def drain(
    nickname: str, why: str, url: str | None, api_key: str | None, as_json: bool
) -> None:
    """Give NODE no new work, for you want to stop it.

    As `pause`, and shown as draining: stop the agent when `clubai nodes` shows no slot
    in use. With one node, leave NODE out.
    """
    target = place.find(url, api_key)
    answer = run(partial(_call, target, "PUT", nickname, "drain", {"why": why}))
    _tell(answer, "is draining: it ends what it has", as_json=as_json)


@click.command(
    epilog=examples("clubai node resume abcdefghijkl", "clubai node resume --json")
)
@click.argument("nickname", required=False, default="", metavar="[NODE]")
@club_options
@json_option
def resume(nickname: str, url: str | None, api_key: str | None, as_json: bool) -> None:
    """Let a paused or draining NODE take work again.

    With one node, leave NODE out.
    """
    target = place.find(url, api_key)
    answer = run(partial(_call, target, "DELETE", nickname, "pause"))
    _tell(answer, "takes work", as_json=as_json)


def _wish(text: str, zone: str) -> tuple[dict[str, Any], bool]:
    """What to ask for, and whether the zone is this machine's."""
    schedule = parse_schedule(text, zone, default=local_zone())
    is_local = not zone and not text.rstrip().endswith(schedule.zone)
    return {"schedule": schedule.hours, "zone": schedule.zone}, is_local


async def _call(
    target: place.Place,
    method: str,
    nickname: str,
    what: str,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    node = nickname or await _only_node(target)
    path = f"/api/nodes/{quote(node, safe='')}/{what}"
    return await rest.call(method, target.url, path, body=body, key=target.api_key)


async def _only_node(target: place.Place) -> str:
    """The nickname of the caller's node. Raises `UsageError` if it is not one."""
    answer = await rest.call("GET", target.url, "/api/enrolled", key=target.api_key)
    nodes = msgspec.convert(answer.get("nodes", []), list[EnrolledNode])
    names = [node.nickname for node in nodes if node.state != "removed"]
    if not names:
        raise click.UsageError("You have no node: `clubai node enrol` makes one.")
    if len(names) > 1:
        some = ", ".join(plain.name(name) for name in names[:5])
        raise click.UsageError(f"You have {len(names)} nodes, name one: {some}.")
    return names[0]


def _tell(answer: dict[str, Any], what: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(plain.to_json(answer))
    else:
        click.echo(f"{plain.name(answer['nickname'])} {what}")


def _promised(answer: dict[str, Any]) -> str:
    hours = _hours(answer) or "nothing"
    since = look.moment(answer["counts_from"])
    return f"{plain.name(answer['nickname'])} promises {hours}, from {since} UTC on"


def _show(answer: dict[str, Any]) -> None:
    rows = [
        ("node", plain.name(answer["nickname"])),
        ("promises", _hours(answer) or "nothing"),
    ]
    if answer["schedule"]:
        rows.append(("since", f"{look.moment(answer['counts_from'])} UTC"))
    rows += [
        ("kept", f"{answer['kept_hours']} h"),
        ("broken", f"{answer['broken_hours']} h"),
    ]
    if answer["state"]:
        why = f": {plain.name(answer['why'], 200)}" if answer["why"] else ""
        rows.append(("state", plain.name(answer["state"]) + why))
    show.console().print(show.labelled(rows))


def _hours(answer: dict[str, Any]) -> str:
    return plain.name(f"{answer['schedule']} {answer['zone']}".strip(), 400)
