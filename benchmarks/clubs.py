"""A club and its model server as processes, and loads on them."""

from __future__ import annotations

import argparse
import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec

from benchmarks.load import LoadResult
from benchmarks.processes import output_of, started

SETTINGS = """\
[coordinator.edge]
nodes_per_member = 100000
messages_per_s = 2000
messages_burst = 8000
"""
"""One member has all the nodes here, and asks more than members do."""


class Pids(msgspec.Struct, frozen=True):
    coordinator: int
    agents: list[int]


class Club(msgspec.Struct, frozen=True):
    """The line that `clubai up --json` prints."""

    coordinator: str
    openai: str
    api_key: str
    data: str
    pids: Pids


def asker_key(club: Club) -> str:
    """An API key of a member who owns none of the nodes: their work earns points."""
    name, password = f"asker-{secrets.token_hex(3)}", secrets.token_urlsafe(24)
    account = {"name": name, "password": password}
    with httpx.Client(base_url=club.coordinator, trust_env=False) as http:
        http.post("/api/register", json=account).raise_for_status()
        token = http.post("/api/login", json=account).json()["access_token"]
        http.headers["authorization"] = f"Bearer {token}"
        made = http.post("/api/keys", json={"label": "load"}).raise_for_status()
        return str(made.json()["api_key"])


@contextmanager
def backend(args: argparse.Namespace, scratch: Path) -> Iterator[str]:
    arguments = ["benchmarks.mock_backend", f"--rate={args.rate}"]
    with started(arguments, scratch) as mock:
        yield f"http://127.0.0.1:{int(mock.read_line())}/v1"


@contextmanager
def up(scratch: Path, *options: str) -> Iterator[Club]:
    data = scratch / f"club-{secrets.token_hex(3)}"
    settings = scratch / "clubai.toml"
    settings.write_text(SETTINGS)
    arguments = ["clubai.cli", "up", "--processes", "--json", "--port=0"]
    arguments += [f"--config={settings}", f"--data={data}"]
    with started([*arguments, *options], scratch) as process:
        yield msgspec.json.decode(process.read_line(), type=Club)


def generate(
    args: argparse.Namespace,
    url: str,
    key: str,
    streamed: bool,
    at_once: int,
    *,
    seconds: float | None = None,
    program: str = "benchmarks.load",
) -> LoadResult:
    """Run a load generator in a process of its own."""
    model = "mock-paced" if streamed else "mock"
    arguments = [
        program,
        url,
        f"--key={key}",
        f"--model={model}",
        f"--tokens={args.tokens}",
        f"--at-once={at_once}",
        f"--seconds={args.seconds if seconds is None else seconds}",
    ]
    if streamed:
        arguments.append("--stream")
    return msgspec.json.decode(output_of(arguments), type=LoadResult)


def machine() -> str:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} processors, {platform.system()}, {python}"
