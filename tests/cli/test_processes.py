"""What `clubai up --processes` stands on; test_up.py runs the whole."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import click
import pytest

from clubai.cli import processes
from clubai.cli.processes import Layout, open_processes
from clubai.errors import ClubAIError
from support.commands import is_running


async def child(code: str) -> anyio.abc.Process:
    return await anyio.open_process([sys.executable, "-c", code], stderr=None)


async def test_a_child_is_ready_with_its_line() -> None:
    async with await child('print(\'{"coordinator": "x"}\')') as process:
        assert await processes._ready(process) == {"coordinator": "x"}


async def test_a_child_that_ends_before_gives_its_exit_code() -> None:
    async with await child("raise SystemExit(4)") as process:
        with pytest.raises(click.exceptions.Exit) as caught:
            await processes._ready(process)

    assert caught.value.exit_code == 4


async def test_a_child_that_says_something_else_is_an_error() -> None:
    async with await child("print('hello')") as process:
        with pytest.raises(ClubAIError, match="did not become ready"):
            await processes._ready(process)


async def test_a_child_that_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "READY_S", 0.1)
    process = await child("import sys; sys.stdin.read()")

    with pytest.raises(ClubAIError, match="did not become ready"):
        await processes._ready(process)

    await processes._end([process])


async def test_a_child_that_does_not_end_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "END_S", 0.2)
    process = await child(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('{}', flush=True); time.sleep(3600)"
    )
    await processes._ready(process)

    await processes._end([process])

    assert process.returncode == -9


async def test_children_are_ended_when_the_context_is_left(tmp_path: Path) -> None:
    layout = Layout(data=tmp_path / "club", agents=0)

    async with open_processes(layout) as club:
        assert is_running(club.coordinator.pid)
        assert club.openai_url == f"{club.url}/v1"

    assert not is_running(club.coordinator.pid)


def test_a_layout_does_not_show_its_key() -> None:
    assert "hush" not in repr(Layout(data=Path("x"), backend_key="hush"))


def test_the_end_of_all_is_within_the_grace_of_the_parent() -> None:
    from clubai.cli.running import GRACE_S

    assert processes.END_S < GRACE_S
