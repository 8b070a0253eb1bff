"""`clubai member`: who is in the club, and what each looks after."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from urllib.parse import quote

import click

from clubai.cli import place, show
from clubai.cli.options import club_options, examples, json_option
from clubai.cli.running import run
from clubai.client import rest
from clubai.tui import look, plain

ROLES: Final = ("member", "moderator", "treasurer", "operator", "auditor")


@click.group(epilog=examples("clubai member list", "clubai member role ada auditor"))
def member() -> None:
    """List the members, and give them roles."""


@member.command("list", epilog=examples("clubai member list --json"))
@club_options
@json_option
def list_members(url: str | None, api_key: str | None, as_json: bool) -> None:
    """List all members. For operators, moderators and auditors."""
    members = run(partial(_members, place.find(url, api_key)))
    if as_json:
        click.echo(plain.to_json({"members": members}))
        return
    show.print_rows(
        ("Name", "Id", "Role", "Since"),
        (
            (each["name"], each["id"], each["role"], look.day(each["created_at"]))
            for each in members
        ),
    )


@member.command(epilog=examples("clubai member role ada auditor"))
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@club_options
@json_option
def role(
    name: str, role: str, url: str | None, api_key: str | None, as_json: bool
) -> None:
    """Give the member NAME (or with this id) the role ROLE. For operators.

    It counts at once. The last operator stays one.
    """
    found = run(partial(_set_role, place.find(url, api_key), name, role))
    if as_json:
        click.echo(plain.to_json(found))
    else:
        click.echo(f"{plain.name(found['name'])} is {role} now")


async def _members(target: place.Place) -> list[dict[str, Any]]:
    answer = await rest.call("GET", target.url, "/api/members", key=target.api_key)
    members: list[dict[str, Any]] = answer["members"]
    return members


async def _set_role(target: place.Place, name: str, role: str) -> dict[str, Any]:
    wanted = name.casefold()
    found = [
        each
        for each in await _members(target)
        if each["id"] == name or each["name"].casefold() == wanted
    ]
    if not found:
        raise click.UsageError(f"There is no member {plain.name(name)!r}.")
    chosen = found[0]
    path = f"/api/members/{quote(chosen['id'], safe='')}/role"
    await rest.call("PUT", target.url, path, body={"role": role}, key=target.api_key)
    return {**chosen, "role": role}
