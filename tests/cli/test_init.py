"""The whole of `clubai`: light to start, every command helps with examples."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from clubai import __version__
from clubai.cli import COMMANDS, clubai
from clubai.cli.agent import agent
from clubai.cli.coordinator import coordinator
from support.commands import clubai as run_clubai

HEAVY = (
    "anyio",
    "asyncio",
    "httpx",
    "hypercorn",
    "msgspec",
    "rich",
    "sqlite_utils",
    "starlette",
    "structlog",
    "textual",
    "trio",
)


def every_command(command: click.Command, path: str) -> list[tuple[str, click.Command]]:
    found = [(path, command)]
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            child = command.get_command(ctx, name)
            assert child is not None
            found += every_command(child, f"{path} {name}")
    return found


ALL = [
    *every_command(clubai, "clubai"),
    *every_command(coordinator, "clubai-coordinator"),
    *every_command(agent, "clubai-agent"),
]


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_every_help_shows_examples_of_itself(path: str, command: click.Command) -> None:
    ctx = click.Context(command, info_name=path)

    help_text = command.get_help(ctx)

    assert "Examples:" in help_text
    assert path.split()[0] in help_text.partition("Examples:")[2]
    assert command.help


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_has_a_line_for_each_command(name: str) -> None:
    line = COMMANDS[name][1]

    assert line.endswith(".")
    assert len(line) < 60


def test_the_frame_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['clubai', '--help']\n"
        "try:\n"
        "    from clubai.cli import main; main()\n"
        "except SystemExit:\n"
        f"    print('LOADED', sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "LOADED []"
    assert "clubai nodes --json" in done.stdout


def test_the_version_is_told(tmp_path: Path) -> None:
    assert run_clubai("--version", home=tmp_path).out == f"clubai {__version__}\n"


def test_a_wrong_command_is_wrong_usage_with_the_nearest(tmp_path: Path) -> None:
    done = run_clubai("taks", home=tmp_path)

    assert done.code == 2
    assert "Did you mean 'tasks'?" in done.err
    assert done.err.count("\n") == 1


def test_a_wrong_option_is_wrong_usage(tmp_path: Path) -> None:
    done = run_clubai("ask", "--jsn", "x", home=tmp_path)

    assert done.code == 2
    assert "--json" in done.err


def test_a_reader_who_has_enough_is_no_error(tmp_path: Path) -> None:
    pipeline = f"{sys.executable} -m clubai.cli completion bash | true"

    done = subprocess.run(
        ["bash", "-c", pipeline], capture_output=True, text=True, cwd=tmp_path
    )

    assert done.stderr == ""
