"""`clubai-agent`: keeps one node in a club; `probe` and `service` beside it."""

from __future__ import annotations

import os
import platform
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import click
import msgspec

from clubai import __version__
from clubai.cli import place, settings
from clubai.cli.boundary import run_command
from clubai.cli.options import CONTEXT, examples, json_option, program_options
from clubai.cli.running import Loop, end_with_stdin, notify_ready, run_until_stopped
from clubai.cli.screen import ascii_option, need_terminal, readonly_option
from clubai.tui import plain

if TYPE_CHECKING:
    from clubai.agent.config import AgentConfig

BACKEND_SETTINGS = tuple(
    setting for setting in settings.AGENT if setting.path.startswith("backend.")
)


@click.group(
    "clubai-agent",
    invoke_without_command=True,
    context_settings=CONTEXT,
    epilog=examples(
        "clubai-agent --coordinator ws://club.example:8000/nodes/connect --name attic",
        "clubai-agent --embedded --enrol TOKEN",
        "clubai-agent --backend-url http://localhost:1234/v1 --slots 2",
        "clubai-agent --tui",
        "clubai-agent probe",
        "clubai-agent service > ~/.config/systemd/user/clubai-agent.service",
    ),
)
@settings.options(settings.AGENT)
@program_options(loop="trio")
@click.option(
    "--tui",
    "screen",
    is_flag=True,
    allow_from_autoenv=False,
    help="Show the node on a screen: its slots, points, connection and log.",
)
@readonly_option
@ascii_option
@json_option
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def agent(
    ctx: click.Context,
    /,
    loop: Loop,
    log_level: str,
    with_parent: bool,
    screen: bool,
    readonly: bool,
    ascii_only: bool,
    as_json: bool,
    **_: Any,
) -> None:
    """Lend this machine's model server to a club, until stopped.

    The first start needs a token of `clubai node enrol`, or a key of the owner;
    without either the key of `clubai login` is used. After that the node's own key is
    enough. With --json it prints one line when the node has joined.

    With --tui the node is shown, and can be paused, drained and given other slots;
    `?` shows the keys. --readonly and --ascii are for that.
    """
    if ctx.invoked_subcommand:
        return
    if screen:
        if as_json or with_parent:
            other = "--json" if as_json else "--with-parent"
            raise click.UsageError(f"--tui goes without {other}.")
        need_terminal("clubai-agent")
    from clubai.cli import logs

    config = _config_of(ctx)
    logs.configure(log_level)
    if screen:
        from clubai.cli.agent_screen import show_agent

        show_agent(config, loop=loop, readonly=readonly, ascii_only=ascii_only)
        return
    if with_parent:
        end_with_stdin()
    run_until_stopped(partial(_serve, config, as_json=as_json), loop=loop)


@agent.command(
    epilog=examples(
        "clubai-agent probe",
        "clubai-agent probe --backend-url http://localhost:11434 --json",
    )
)
@settings.options(BACKEND_SETTINGS)
@click.option("--no-warm-up", is_flag=True, help="Do not run 16 tokens to measure.")
@json_option
@click.pass_context
def probe(ctx: click.Context, /, no_warm_up: bool, as_json: bool, **_: Any) -> None:
    """Say which model server is found, and what it can do."""
    from clubai.cli import probing
    from clubai.cli.running import run

    config = _config_of(ctx).backend
    found = run(partial(probing.probe, config, env=os.environ, warm_up=not no_warm_up))
    if as_json:
        click.echo(plain.to_json(found))
    else:
        click.echo(probing.told(found))


@agent.command(
    epilog=examples(
        "clubai-agent service > ~/.config/systemd/user/clubai-agent.service"
    )
)
def service() -> None:
    """Print a systemd user unit that keeps the agent running."""
    from clubai.cli.unit import agent_command, systemd_unit

    click.echo(systemd_unit(agent_command()), nl=False)


def _config_of(ctx: click.Context) -> AgentConfig:
    """The settings of a command, those typed before `probe` included."""
    from clubai.agent.config import AgentConfig

    flags: dict[str, tuple[str, object]] = {}
    file: Path | None = None
    for level in (ctx.parent, ctx):
        if level is not None:
            table = BACKEND_SETTINGS if level.parent else settings.AGENT
            flags |= settings.flags_given(level, table)
            file = level.params["config_file"] or file
    resolved = settings.resolve(
        AgentConfig,
        "agent",
        settings.AGENT,
        file=settings.find_file(file),
        flags=flags,
    )
    return _completed(resolved)


def _completed(resolved: settings.Resolved[AgentConfig]) -> AgentConfig:
    """Fill in what this machine knows: its name, and what login stored."""
    config = resolved.config
    changes: dict[str, str] = {}
    if resolved.origins["name"] == settings.DEFAULT and platform.node():
        changes["name"] = platform.node()
    named = resolved.origins["coordinator_url"] != settings.DEFAULT
    club = place.find(config.coordinator_url if named else None, config.token or None)
    changes["token"] = club.api_key
    if not named and club.chosen:
        changes["coordinator_url"] = club.url
    return msgspec.structs.replace(config, **changes)


async def _serve(config: AgentConfig, *, as_json: bool) -> None:
    from clubai.agent.agent import serve_agent

    async with anyio.create_task_group() as tasks:
        joined = await tasks.start(partial(serve_agent, config, env=os.environ))
        notify_ready()
        if as_json:
            fields = {
                "node": joined.node,
                "name": joined.name,
                "nickname": joined.nickname,
                "backend": joined.standing.backend,
                "coordinator": config.coordinator_url,
                "pid": os.getpid(),
            }
            click.echo(plain.to_json(fields))
        else:
            name = plain.name(joined.name)
            address = config.coordinator_url
            click.echo(f"{name} ({joined.nickname}) has joined {address}")


def main() -> None:
    """Run the command on the process's own arguments, and exit."""
    run_command(agent)


if __name__ == "__main__":
    main()
