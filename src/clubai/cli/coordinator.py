"""`clubai-coordinator`: one coordinator with its gateway, until it is stopped."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import click

from clubai import __version__
from clubai.cli import settings
from clubai.cli.boundary import run_command
from clubai.cli.options import CONTEXT, examples, json_option, program_options
from clubai.cli.running import (
    Loop,
    end_with_stdin,
    notify_ready,
    run_until_stopped,
    spare_collections,
)
from clubai.tui import plain

if TYPE_CHECKING:
    from clubai.coordinator.config import CoordinatorConfig


@click.command(
    "clubai-coordinator",
    context_settings=CONTEXT,
    epilog=examples(
        "clubai-coordinator --data ./club",
        "clubai-coordinator --host 0.0.0.0 --port 8000 --registration closed",
        "clubai-coordinator --config club.toml --json",
    ),
)
@settings.options(settings.COORDINATOR)
@click.option(
    "--operator-key",
    is_flag=True,
    allow_from_autoenv=False,
    help="Make the operator's account, and keep its key in DATA/operator.key.",
)
@program_options(loop="asyncio")
@json_option
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def coordinator(
    ctx: click.Context,
    /,
    config_file: Path | None,
    loop: Loop,
    log_level: str,
    with_parent: bool,
    operator_key: bool,
    as_json: bool,
    **_: Any,
) -> None:
    """Run a coordinator: nodes connect to it, members ask it.

    With --json it prints one line when it is ready. SIGTERM stops it.
    """
    from clubai.cli import logs
    from clubai.coordinator.config import CoordinatorConfig

    resolved = settings.resolve(
        CoordinatorConfig,
        "coordinator",
        settings.COORDINATOR,
        file=settings.find_file(config_file),
        flags=settings.flags_given(ctx, settings.COORDINATOR),
    )
    logs.configure(log_level)
    if with_parent:
        end_with_stdin()
    serve = partial(
        _serve, resolved.config, with_operator=operator_key, as_json=as_json
    )
    run_until_stopped(serve, loop=loop)


async def _serve(
    config: CoordinatorConfig, *, with_operator: bool, as_json: bool
) -> None:
    from clubai import club

    async with anyio.create_task_group() as tasks:
        ready = await tasks.start(partial(club.serve_coordinator, config))
        if with_operator:
            await club.operator_key(ready.coordinator, config.data)
        spare_collections()
        notify_ready()
        if as_json:
            fields = {
                "coordinator": ready.url,
                "openai": f"{ready.url}/v1",
                "data": str(config.data),
                "pid": os.getpid(),
            }
            click.echo(plain.to_json(fields))
        else:
            click.echo(f"coordinator at {ready.url}, OpenAI API at {ready.url}/v1")


def main() -> None:
    """Run the command on the process's own arguments, and exit."""
    run_command(coordinator)


if __name__ == "__main__":
    main()
