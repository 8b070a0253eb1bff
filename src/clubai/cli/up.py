"""`clubai up`: a whole club without a screen, until it is stopped."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
import click

from clubai.agent import BackendConfig
from clubai.cli import logs, settings, show
from clubai.cli.options import (
    examples,
    json_option,
    log_level_option,
    open_backend_option,
    option,
)
from clubai.cli.processes import Layout, open_processes
from clubai.cli.progress import with_model
from clubai.cli.readers import READERS
from clubai.cli.running import notify_ready, run_until_stopped
from clubai.client import NodeUsed
from clubai.club import open_club
from clubai.coordinator.config import CoordinatorConfig
from clubai.model import Redacted
from clubai.tui import plain

UP_SETTINGS: Final = tuple(
    setting
    for setting in settings.COORDINATOR
    if setting.path in ("host", "port", "data", "registration", "name")
)
BACKEND_KEY: Final = "CLUBAI_BACKEND_API_KEY"


class Running(Redacted, frozen=True, kw_only=True):
    """The keys of `up --json`."""

    coordinator: str
    openai: str
    api_key: str
    data: str
    nodes: tuple[NodeUsed, ...]
    pids: dict[str, int | list[int]]

    def __repr__(self) -> str:
        return f"Running(coordinator={self.coordinator!r})"


@click.command(
    epilog=examples(
        "clubai up",
        "clubai up --port 0 --data ./club --agents 3 --json",
        "clubai up --backend http://localhost:1234/v1 --processes",
    )
)
@settings.options(UP_SETTINGS)
@option("--agents", type=click.IntRange(0, 64), default=3, help="How many nodes.")
@option(
    "--backend",
    envvar="CLUBAI_BACKEND_URL",
    metavar="URL",
    help=f"A model server for all of them ({BACKEND_KEY}: its key); "
    "else the embedded model.",
)
@open_backend_option
@option("--model", envvar="CLUBAI_MODEL", help="The embedded model: a name or a file.")
@option("--slots", type=click.IntRange(min=1), help="Requests at a time, each node.")
@option("--processes", is_flag=True, help="A process for each part.")
@log_level_option("warning")
@json_option
@click.pass_context
def up(
    ctx: click.Context,
    /,
    config_file: Path | None,
    agents: int,
    backend: str | None,
    open_ok: bool,
    model: str | None,
    slots: int | None,
    processes: bool,
    log_level: str,
    as_json: bool,
    **_: Any,
) -> None:
    """Run a coordinator and its nodes here, until SIGTERM or Ctrl-C.

    Who can read a prompt: the node that answers. One that is sent to the club's /v1 can
    be read by the coordinator, too; `clubai ask`, `clubai gateway` and the Python
    client seal what they send.

    With --json it prints exactly one line, when everything is ready.
    """
    file = settings.find_file(config_file)
    config = settings.resolve(
        CoordinatorConfig,
        "coordinator",
        settings.COORDINATOR,
        file=file,
        flags=settings.flags_given(ctx, UP_SETTINGS),
    ).config
    logs.configure(log_level)
    chosen = BackendConfig(
        url=backend or "",
        api_key=os.environ.get(BACKEND_KEY, ""),
        slots=slots or 0,
        embedded=not backend,
        model=model or "",
        open_ok=open_ok,
    )
    opened = (
        _open_apart(config, agents, chosen, file, log_level)
        if processes
        else _open_together(config, agents, chosen)
    )
    run_until_stopped(partial(_stay_up, opened, as_json=as_json))


async def _stay_up(opened: Any, *, as_json: bool) -> None:
    async with opened as running:
        notify_ready()
        if as_json:
            click.echo(plain.to_json(running))
        else:
            _tell(running)
        sys.stdout.flush()
        await anyio.sleep_forever()


@asynccontextmanager
async def _open_together(
    config: CoordinatorConfig, agents: int, backend: BackendConfig
) -> AsyncIterator[Running]:
    if agents:
        backend = await with_model(backend)
    async with open_club(
        agents=agents,
        data=config.data,
        host=config.host,
        port=config.port,
        backend=backend,
        coordinator=config,
    ) as club:
        nodes = [NodeUsed(id=agent.node, name=agent.name) for agent in club.agents]
        yield _running(club.url, club.api_key, config, nodes, {"club": os.getpid()})


@asynccontextmanager
async def _open_apart(
    config: CoordinatorConfig,
    agents: int,
    backend: BackendConfig,
    file: Path | None,
    log_level: str,
) -> AsyncIterator[Running]:
    if agents:
        backend = await with_model(backend)
    layout = Layout(
        data=config.data,
        host=config.host,
        port=config.port,
        agents=agents,
        coordinator_flags=_coordinator_flags(config, file),
        agent_flags=_agent_flags(backend),
        backend_key=backend.api_key,
        log_level=log_level,
    )
    async with open_processes(layout) as club, anyio.create_task_group() as tasks:
        tasks.start_soon(club.watch)
        pids: dict[str, int | list[int]] = {
            "coordinator": club.coordinator.pid,
            "agents": [agent.pid for agent in club.agents],
        }
        yield _running(club.url, club.api_key, config, club.nodes, pids)
        tasks.cancel_scope.cancel()


def _coordinator_flags(config: CoordinatorConfig, file: Path | None) -> tuple[str, ...]:
    """What was decided here; secrets reach the child by the same file or variable."""
    flags = ["--name", config.name]
    if file:
        flags += ["--config", str(file)]
    if config.registration:
        flags += ["--registration", config.registration]
    return tuple(flags)


def _agent_flags(backend: BackendConfig) -> tuple[str, ...]:
    flags = ["--backend-url", backend.url] if backend.url else ["--embedded"]
    if backend.embedded:
        flags += ["--model", backend.model]
    if backend.open_ok:
        flags.append("--i-know-the-backend-is-open")
    if backend.slots:
        flags += ["--slots", str(backend.slots)]
    return tuple(flags)


def _running(
    url: str,
    api_key: str,
    config: CoordinatorConfig,
    nodes: Sequence[NodeUsed],
    pids: dict[str, int | list[int]],
) -> Running:
    return Running(
        coordinator=url,
        openai=f"{url}/v1",
        api_key=api_key,
        data=str(config.data),
        nodes=tuple(nodes),
        pids=pids,
    )


def _tell(running: Running) -> None:
    console = show.console()
    console.print(
        show.labelled(
            (
                ("club", running.coordinator),
                ("OpenAI API", running.openai),
                ("API key", running.api_key),
                ("data", running.data),
                ("nodes", ", ".join(node.name for node in running.nodes) or "none"),
            )
        )
    )
    console.print(
        f"\nIn another terminal:\n"
        f"  export CLUBAI_URL={running.coordinator} CLUBAI_API_KEY={running.api_key}\n"
        f'  clubai ask "What is the capital of France?"\n'
        f"  clubai gateway\n"
        f"\nWho can read a prompt: with either of these, {READERS['node']}.\n"
        f"Sent to the OpenAI API above, {READERS['coordinator and node']}.\n"
        f"\nCtrl-C stops it.",
        markup=False,
    )
