"""A club whose coordinator and agents are a process each.

Every child reads a pipe that only this process holds: it ends when the pipe does, so
no child outlives this process, however it ends. A child says that it is ready with
one line of JSON. An agent that dies is lost to the club and nothing more; a
coordinator that dies is the end.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import click
import msgspec
from anyio.abc import Process

from clubai.client import NodeUsed
from clubai.crypto.keyfiles import load
from clubai.crypto.keys import API_KEY_LENGTH
from clubai.errors import ClubAIError, lone_errors
from clubai.model import Redacted

logger = logging.getLogger(__name__)

READY_S: Final = 120.0
END_S: Final = 4.3
"""For everything to end after it was asked to; then it is killed."""
ANSWERS_S: Final = 3.5
"""Of that, for the coordinator before the agents are asked."""
MAX_LINE_BYTES: Final = 1 << 16
KEY_FILE: Final = "operator.key"
"""Kept in the data directory by the coordinator, for whoever runs it."""


class Layout(Redacted, frozen=True, kw_only=True):
    """What to start."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 0
    agents: int = 3
    coordinator_flags: tuple[str, ...] = ()
    agent_flags: tuple[str, ...] = ()
    """How each agent finds its model, as its command line has it."""
    backend_key: str = ""
    log_level: str = "warning"

    def __repr__(self) -> str:
        return f"Layout(data={str(self.data)!r}, agents={self.agents})"


class ProcessClub:
    """A running club; made by `open_processes`."""

    def __init__(
        self, layout: Layout, *, url: str, coordinator: Process, api_key: str
    ) -> None:
        self.layout = layout
        self.url = url
        self.openai_url = f"{url}/v1"
        self.api_key = api_key
        self.nodes: list[NodeUsed] = []
        self.coordinator = coordinator
        self.agents: list[Process] = []

    async def watch(self) -> None:
        """Run until the coordinator dies.

        Raises:
            ClubAIError: it did.
        """
        async with anyio.create_task_group() as tasks:
            for agent in self.agents:
                tasks.start_soon(_tell_death, agent)
            code = await self.coordinator.wait()
            tasks.cancel_scope.cancel()
        raise ClubAIError(f"the coordinator's process ended with {code}")


@asynccontextmanager
async def open_processes(layout: Layout) -> AsyncIterator[ProcessClub]:
    """Start coordinator and agents, and end them all when the context is left.

    Raises:
        click.exceptions.Exit: a child could not start; it has said why on stderr.
        ClubAIError: a child did not become ready.
    """
    children: list[Process] = []
    try:
        coordinator = await _spawn(children, _coordinator_command(layout))
        url = str((await _ready(coordinator))["coordinator"])
        api_key = load(layout.data / KEY_FILE, size=API_KEY_LENGTH).decode()
        club = ProcessClub(layout, url=url, coordinator=coordinator, api_key=api_key)
        await _start_agents(children, club)
        yield club
    finally:
        with anyio.CancelScope(shield=True):
            await _end(children)


async def _start_agents(children: list[Process], club: ProcessClub) -> None:
    env = _agent_env(club.layout, club.api_key)
    for number in range(1, club.layout.agents + 1):
        command = _agent_command(club.layout, f"node-{number}", club.url)
        club.agents.append(await _spawn(children, command, env=env))
    nodes: dict[int, NodeUsed] = {}

    async def join(number: int, agent: Process) -> None:
        ready = await _ready(agent)
        nodes[number] = NodeUsed(id=str(ready["node"]), name=str(ready["name"]))

    with lone_errors():
        async with anyio.create_task_group() as tasks:
            for number, agent in enumerate(club.agents):
                tasks.start_soon(join, number, agent)
    club.nodes = [nodes[number] for number in sorted(nodes)]


def _coordinator_command(layout: Layout) -> list[str]:
    return [
        "clubai.cli.coordinator",
        *("--host", layout.host, "--port", str(layout.port)),
        *("--data", str(layout.data), "--log-level", layout.log_level),
        "--operator-key",
        *layout.coordinator_flags,
    ]


def _agent_command(layout: Layout, name: str, url: str) -> list[str]:
    return [
        "clubai.cli.agent",
        *("--coordinator", url, "--name", name),
        *("--data", str(layout.data / "agents" / name)),
        *("--log-level", layout.log_level, *layout.agent_flags),
    ]


def _agent_env(layout: Layout, api_key: str) -> dict[str, str]:
    """Keys go by the environment: every user of the machine sees arguments."""
    return {
        **os.environ,
        "CLUBAI_API_KEY": api_key,
        "CLUBAI_BACKEND_API_KEY": layout.backend_key,
    }


async def _spawn(
    children: list[Process],
    command: Sequence[str],
    env: Mapping[str, str] | None = None,
) -> Process:
    child = await anyio.open_process(
        [sys.executable, "-m", *command, "--json", "--with-parent"],
        stderr=None,
        env=env,
        start_new_session=True,
    )
    children.append(child)
    return child


async def _ready(child: Process) -> dict[str, Any]:
    """Wait for a child's line."""
    assert child.stdout is not None  # noqa: S101 - opened with a pipe
    line = b""
    with anyio.move_on_after(READY_S):
        async for chunk in child.stdout:
            line += chunk
            if b"\n" in line or len(line) > MAX_LINE_BYTES:
                break
        else:
            raise click.exceptions.Exit(await child.wait() or 1)
    try:
        ready = msgspec.json.decode(line.partition(b"\n")[0], type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ClubAIError(f"process {child.pid} did not become ready") from error
    return ready


async def _tell_death(agent: Process) -> None:
    code = await agent.wait()
    logger.warning("the agent's process %s ended with %s", agent.pid, code)


async def _end(children: Sequence[Process]) -> None:
    """Ask all to end, then make them.

    The coordinator, which is the first, lets answers go on for a while, and for that it
    needs the agents: they are asked when it has ended, or has had its time.
    """
    with anyio.move_on_after(END_S):
        with anyio.move_on_after(ANSWERS_S):
            for child in children[:1]:
                await _ask_to_end(child)
        async with anyio.create_task_group() as tasks:
            for child in children:
                tasks.start_soon(_ask_to_end, child)
    for child in children:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
        await child.aclose()


async def _ask_to_end(child: Process) -> None:
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
    await child.wait()
