"""`clubai gateway`: the OpenAI API on this machine, whose prompts are sealed here."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import click

from clubai.cli import logs, place, show
from clubai.cli.connecting import trust_for
from clubai.cli.options import (
    club_options,
    examples,
    json_option,
    log_level_option,
    option,
)
from clubai.cli.readers import READERS
from clubai.cli.running import notify_ready, run_until_stopped, spare_collections
from clubai.gateway.serving import (
    DEFAULT_PORT,
    GatewayConfig,
    ServedGateway,
    serve_gateway,
)
from clubai.tui import plain

KEY: Final = "CLUBAI_GATEWAY_KEY"


@click.command(
    epilog=examples(
        "clubai gateway",
        "clubai gateway --url https://club.example --port 0 --json",
        "OPENAI_API_KEY=$(clubai gateway --show-key)",
    )
)
@club_options
@option("--host", default="127.0.0.1", help="127.0.0.1 or ::1; nothing else is taken.")
@option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=DEFAULT_PORT,
    help="The port; 0 takes any free one.",
)
@option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where this gateway's own key is kept; else in the user's configuration "
    f"directory. {KEY}: the key itself, then no file is used.",
)
@click.option(
    "--show-key",
    is_flag=True,
    allow_from_autoenv=False,
    help="Print this gateway's own key, made when there is none, and end.",
)
@log_level_option("warning")
@json_option
def gateway(
    url: str | None,
    api_key: str | None,
    host: str,
    port: int,
    key_file: Path | None,
    show_key: bool,
    log_level: str,
    as_json: bool,
) -> None:
    """Serve the OpenAI API here, and seal what is asked, until SIGTERM or Ctrl-C.

    Who can read a prompt: you, and the node that answers it. Not the coordinator, which
    passes on what it cannot open; it could read the same question sent to its own /v1.

    Only programs on this machine can connect, with the gateway's own key and from no
    web page. The club's key stays with the gateway. With --json it prints exactly one
    line, when everything is ready.
    """
    target = place.find(url, api_key)
    config = GatewayConfig(
        url=target.url,
        token=target.api_key,
        host=host,
        port=port,
        key=os.environ.get(KEY, ""),
        key_file=key_file,
    )
    if show_key:
        key = config.local_key()
        click.echo(plain.to_json({"api_key": key}) if as_json else key)
        return
    logs.configure(log_level)
    run_until_stopped(partial(_serve, config, as_json=as_json))


async def _serve(config: GatewayConfig, *, as_json: bool) -> None:
    async with anyio.create_task_group() as tasks:
        serve = partial(serve_gateway, config, trust=trust_for(config.url))
        served = await tasks.start(serve)
        spare_collections()
        notify_ready()
        if as_json:
            click.echo(plain.to_json(_fields(served, config)))
        else:
            _tell(served, config)
        sys.stdout.flush()


def _fields(served: ServedGateway, config: GatewayConfig) -> dict[str, object]:
    """The keys of `gateway --json`."""
    return {
        "openai": served.openai_url,
        "api_key": served.key,
        "club": config.url,
        "readable_by": served.readable_by,
        "pid": os.getpid(),
    }


def _tell(served: ServedGateway, config: GatewayConfig) -> None:
    console = show.console()
    console.print(
        show.labelled(
            (
                ("OpenAI API", served.openai_url),
                ("API key", served.key),
                ("club", config.url),
                ("readable by", READERS[served.readable_by]),
            )
        )
    )
    console.print(
        f"\nIn another terminal, for any OpenAI client:\n"
        f"  export OPENAI_BASE_URL={served.openai_url} OPENAI_API_KEY={served.key}\n"
        f"\nCtrl-C stops it.",
        markup=False,
    )
