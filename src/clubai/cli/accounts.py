"""`clubai register`, `login` and `logout`.

`login` makes an API key and keeps that, because it outlives the access token. The
password is read without an echo or from stdin, never from the arguments.
"""

from __future__ import annotations

import contextlib
import platform
import sys
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import click

from clubai.cli import place
from clubai.cli.options import examples, json_option, option
from clubai.cli.running import run
from clubai.client import rest
from clubai.errors import AuthenticationError, ClubAIError
from clubai.tui import plain

_url_option = option(
    "--url",
    envvar="CLUBAI_URL",
    metavar="URL",
    help="The club; else the one of the last login, else http://127.0.0.1:8000.",
)
_password_option = click.option(
    "--password-stdin",
    is_flag=True,
    allow_from_autoenv=False,
    help="Read the password from stdin: its first line.",
)


def _name_argument(func: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("name", required=False)(func)


@click.command(
    epilog=examples(
        "clubai register ada",
        "clubai register ada --url https://club.example --password-stdin < secret",
        "clubai register ada --url https://club.example --invite civ_...",
    )
)
@_name_argument
@_url_option
@click.option(
    "--invite",
    default="",
    show_default=False,
    allow_from_autoenv=False,
    metavar="TOKEN",
    help="What a member's `clubai invite create` printed.",
)
@_password_option
@json_option
def register(
    name: str | None,
    url: str | None,
    invite: str,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Become a member called NAME, and log in."""
    target = place.find(url, None).url
    name, password = _who(name, password_stdin, confirm=True)
    run(partial(_register, target, name, password, invite))
    login = run(partial(_log_in, target, name, password))
    _tell(login, "registered", as_json=as_json)


@click.command(
    epilog=examples(
        "clubai login ada",
        "clubai login ada --url https://club.example",
        "pass show club | clubai login ada --password-stdin --json",
    )
)
@_name_argument
@_url_option
@_password_option
@json_option
def login(
    name: str | None, url: str | None, password_stdin: bool, as_json: bool
) -> None:
    """Make an API key as the member NAME, and store it for later commands."""
    target = place.find(url, None).url
    name, password = _who(name, password_stdin, confirm=False)
    made = run(partial(_log_in, target, name, password))
    _tell(made, "logged in", as_json=as_json)


@click.command(epilog=examples("clubai logout"))
@json_option
def logout(as_json: bool) -> None:
    """End the stored key at the club, and forget it."""
    login = place.load_login()
    ended = run(partial(_end_key, login)) if login and login.key_id else False
    forgotten = place.forget_login()
    if as_json:
        click.echo(plain.to_json({"forgotten": forgotten, "ended": ended}))
    elif not forgotten:
        click.echo("there was no stored login")
    else:
        click.echo(
            "logged out" if ended else "logged out here; the club was not reached"
        )


async def _register(url: str, name: str, password: str, invite: str) -> None:
    body = {"name": name, "password": password}
    if invite:
        body["invite"] = invite
    await rest.call("POST", url, "/api/register", body=body)


async def _log_in(url: str, name: str, password: str) -> place.Login:
    token = await rest.call(
        "POST", url, "/api/login", body={"name": name, "password": password}
    )
    key = await rest.call(
        "POST",
        url,
        "/api/keys",
        body={
            "label": f"clubai login on {platform.node() or 'a machine'}"[:64],
            "login": True,
        },
        key=str(token.get("access_token", "")),
    )
    await _end_token(url, str(token.get("refresh_token", "")))
    made = place.Login(
        url=url,
        api_key=str(key.get("api_key", "")),
        name=name,
        key_id=str(key.get("id", "")),
    )
    place.store_login(made)
    return made


async def _end_token(url: str, refresh_token: str) -> None:
    """End the login behind the tokens: the key is what is kept."""
    with contextlib.suppress(ClubAIError):
        await rest.call(
            "POST", url, "/api/logout", body={"refresh_token": refresh_token}
        )


async def _end_key(login: place.Login) -> bool:
    """Whether the key is not valid any more; an unreachable club keeps it."""
    path = f"/api/keys/{quote(login.key_id, safe='')}"
    try:
        await rest.call("DELETE", login.url, path, key=login.api_key, timeout_s=3)
    except AuthenticationError:
        return True
    except ClubAIError:
        return False
    return True


def _who(name: str | None, from_stdin: bool, *, confirm: bool) -> tuple[str, str]:
    if from_stdin:
        if not name:
            raise click.UsageError("Name the member: --password-stdin asks nothing.")
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise click.UsageError("There is no password on stdin.")
        return name, password
    name = name or click.prompt("Name", err=True)
    password = click.prompt(
        "Password", hide_input=True, confirmation_prompt=confirm, err=True
    )
    return name, password


def _tell(login: place.Login, what: str, *, as_json: bool) -> None:
    stored = str(place.login_file())
    if as_json:
        click.echo(
            plain.to_json({"url": login.url, "name": login.name, "stored": stored})
        )
        return
    click.echo(f"{what} as {plain.name(login.name)} at {login.url}")
    click.echo(f"the key is in {stored}")
