"""Importing is cheap, and says the truth about what a room depends on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = {
    "click",
    "cryptography",
    "httpx",
    "hypercorn",
    "nacl",
    "prometheus_client",
    "rich",
    "sqlite_utils",
    "starlette",
    "structlog",
    "textual",
    "trio",
    "trio_websocket",
    "websockets",
    "xllamacpp",
}
IO = HEAVY | {"anyio", "asyncio", "socket", "sqlite3", "ssl", "logging"}
EDGE = {"hypercorn", "starlette", "sqlite_utils"}


def loaded_by(statement: str) -> set[str]:
    program = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_the_probe_sees_what_is_loaded() -> None:
    assert "sqlite3" in loaded_by("import sqlite3")


def test_importing_clubai_loads_nothing_heavy() -> None:
    assert loaded_by("import clubai") & IO == set()


@pytest.mark.parametrize("room", ["clubai.core", "clubai.model", "clubai.errors"])
def test_the_pure_rooms_load_no_io(room: str) -> None:
    assert loaded_by(f"import {room}") & IO == set()


@pytest.mark.parametrize("module", ["coordinator", "agent", "tasks", "scheduling"])
def test_the_machines_load_no_io(module: str) -> None:
    assert loaded_by(f"import clubai.core.{module}") & (IO - {"logging"}) == set()


def test_the_protocol_loads_no_io() -> None:
    statement = "import clubai.protocol.codec, clubai.protocol.records"

    assert loaded_by(statement) & (IO - {"logging"}) == set()


@pytest.mark.parametrize("name", ["Agent", "Client"])
def test_agents_and_clients_load_no_web_framework(name: str) -> None:
    assert loaded_by(f"from clubai import {name}") & EDGE == set()


@pytest.mark.parametrize("command", ["", ".coordinator", ".agent"])
def test_help_needs_no_server_and_no_database(command: str) -> None:
    statement = (
        "import contextlib, io, sys\n"
        "sys.argv = ['clubai', '--help']\n"
        f"from clubai.cli{command} import main\n"
        "with contextlib.suppress(SystemExit), "
        "contextlib.redirect_stdout(io.StringIO()):\n"
        "    main()"
    )

    assert loaded_by(statement) & EDGE == set()


def test_the_arrows_between_the_rooms_point_down() -> None:
    lint = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout
