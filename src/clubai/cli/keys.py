"""`clubai key`: API keys, each with no more than what it is for."""

from __future__ import annotations

import re
import time
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import click

from clubai.cli import place, show
from clubai.cli.options import club_options, examples, json_option
from clubai.cli.running import run
from clubai.client import rest
from clubai.tui import look, plain

SCOPES: Final = ("chat", "embed", "node", "read")
_SECONDS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


class Duration(click.ParamType[float]):
    """A time such as `30d`, in seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it; fails with how it is written."""
        match = re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", str(value))
        if match is None:
            self.fail(f"{value!r} is no time: write 30d, 12h, 90m or 2w", param, ctx)
        return float(int(match[1]) * _SECONDS[match[2]])


@click.group(
    epilog=examples(
        "clubai key create my-app --scope chat --monthly-tokens 1000000",
        "clubai key list",
        "clubai key revoke a1B2c3D4",
    )
)
def key() -> None:
    """Make, list and revoke API keys."""


@key.command(
    epilog=examples(
        "clubai key create my-app --scope chat --model smollm2-135m-instruct",
        "clubai key create attic --scope node --expires 30d --json",
    )
)
@click.argument("label", default="")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help="What it may do: chat, embed, lend nodes, look. Several: again. Default: all.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="The only model that it may ask for. Several: again. Default: all.",
)
@click.option(
    "--monthly-tokens",
    type=click.IntRange(min=1),
    metavar="N",
    help="Tokens of prompts and answers in a calendar month (UTC).",
)
@click.option(
    "--expires",
    type=Duration(),
    metavar="TIME",
    help="How long it is good: 30d, 12h, 90m, 2w.",
)
@club_options
@json_option
def create(
    label: str,
    scopes: tuple[str, ...],
    models: tuple[str, ...],
    monthly_tokens: int | None,
    expires: float | None,
    url: str | None,
    api_key: str | None,
    as_json: bool,
) -> None:
    """Make an API key called LABEL, and print it: this once, and never again."""
    wish: dict[str, Any] = {"label": label}
    if scopes:
        wish["scopes"] = scopes
    if models:
        wish["models"] = models
    if monthly_tokens is not None:
        wish["monthly_tokens"] = monthly_tokens
    if expires is not None:
        wish["expires_at"] = time.time() + expires
    target = place.find(url, api_key)
    made = run(partial(_call, target, "POST", "/api/keys", wish))
    if as_json:
        click.echo(plain.to_json({"id": made["id"], "api_key": made["api_key"]}))
        return
    click.echo(plain.name(str(made["api_key"]), limit=128))
    click.echo("keep it now: nobody can show it again", err=True)


@key.command("list", epilog=examples("clubai key list", "clubai key list --json"))
@club_options
@json_option
def list_keys(url: str | None, api_key: str | None, as_json: bool) -> None:
    """List your keys, without their secrets."""
    target = place.find(url, api_key)
    keys = run(partial(_call, target, "GET", "/api/keys"))["keys"]
    if as_json:
        click.echo(plain.to_json({"keys": keys}))
        return
    show.print_rows(
        ("Id", "Label", "State", "Scopes", "Models", "Tokens a month", "Expires"),
        (
            (
                each["id"],
                each["label"],
                _state(each),
                "login" if each["login"] else " ".join(each["scopes"]),
                ", ".join(each["models"]) or "all",
                str(each["monthly_tokens"] or "-"),
                look.day(each["expires_at"]),
            )
            for each in keys
        ),
    )


@key.command(epilog=examples("clubai key revoke a1B2c3D4"))
@click.argument("key_id", metavar="ID")
@club_options
@json_option
def revoke(key_id: str, url: str | None, api_key: str | None, as_json: bool) -> None:
    """End the key ID at once: what is open by it, too."""
    target = place.find(url, api_key)
    run(partial(_call, target, "DELETE", f"/api/keys/{quote(key_id, safe='')}"))
    if as_json:
        click.echo(plain.to_json({"id": key_id, "revoked": True}))
    else:
        click.echo(f"{plain.name(key_id)} is revoked")


async def _call(
    target: place.Place, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    return await rest.call(method, target.url, path, body=body, key=target.api_key)


def _state(key: dict[str, Any]) -> str:
    if key["revoked_at"] is not None:
        return "revoked"
    expires_at = key["expires_at"]
    return "expired" if expires_at is not None and expires_at <= time.time() else "good"
