"""`clubai invite`: let one more in."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote

import click

from clubai.cli import place, show
from clubai.cli.options import club_options, examples, json_option
from clubai.cli.running import run
from clubai.client import rest
from clubai.tui import look, plain


@click.group(
    epilog=examples(
        "clubai invite create",
        "clubai invite list",
        "clubai invite revoke a1B2c3D4",
    )
)
def invite() -> None:
    """Invite people: each invite makes one account, within 14 days."""


@invite.command(epilog=examples("clubai invite create", "clubai invite create --json"))
@club_options
@json_option
def create(url: str | None, api_key: str | None, as_json: bool) -> None:
    """Make an invite, and print it: this once, and never again."""
    target = place.find(url, api_key)
    call = partial(rest.call, "POST", target.url, "/api/invites", key=target.api_key)
    made = run(call)
    if as_json:
        click.echo(plain.to_json(made))
        return
    token = plain.name(str(made["invite"]), limit=128)
    click.echo(token)
    until = look.day(made["expires_at"])
    click.echo(f"good until {until}, once; whoever gets it runs:", err=True)
    click.echo(f"  clubai register NAME --url {target.url} --invite {token}", err=True)


@invite.command("list", epilog=examples("clubai invite list --json"))
@club_options
@json_option
def list_invites(url: str | None, api_key: str | None, as_json: bool) -> None:
    """List your invites; an operator's are everybody's."""
    target = place.find(url, api_key)
    call = partial(rest.call, "GET", target.url, "/api/invites", key=target.api_key)
    invites = run(call)["invites"]
    if as_json:
        click.echo(plain.to_json({"invites": invites}))
        return
    show.print_rows(
        ("Id", "State", "Sponsor", "Until", "Used by"),
        (
            (
                each["id"],
                each["state"],
                each["sponsor"],
                look.day(each["expires_at"]),
                each["used_by"] or "-",
            )
            for each in invites
        ),
    )


@invite.command(epilog=examples("clubai invite revoke a1B2c3D4"))
@click.argument("invite_id", metavar="ID")
@club_options
@json_option
def revoke(invite_id: str, url: str | None, api_key: str | None, as_json: bool) -> None:
    """End the open invite ID."""
    target = place.find(url, api_key)
    path = f"/api/invites/{quote(invite_id, safe='')}"
    run(partial(rest.call, "DELETE", target.url, path, key=target.api_key))
    if as_json:
        click.echo(plain.to_json({"id": invite_id, "revoked": True}))
    else:
        click.echo(f"{plain.name(invite_id)} is revoked")
