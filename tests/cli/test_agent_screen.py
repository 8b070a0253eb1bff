from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from clubai.agent.config import AgentConfig
from clubai.cli import agent_screen
from clubai.errors import BackendError, PermissionDenied
from clubai.model import FailCode
from clubai.tui.owner import NoClub
from clubai.tui.source import Attached
from support.commands import UpClub, run
from support.terminal import terminal
from support.thread_backend import parrot

PROGRAM = "clubai.cli.agent"
LEFT = "\x1b[?1049l"
"""What leaves the alternate screen."""


def test_a_signal_ends_it_soon_and_leaves_the_terminal_as_it_was(
    club: UpClub, tmp_path: Path
) -> None:
    with (
        parrot() as backend,
        terminal(
            *("--tui", "--coordinator", club.url, "--backend-url", backend.url),
            home=tmp_path,
            program=PROGRAM,
            CLUBAI_API_KEY=club.api_key,
            NODE_ID="attic",
        ) as screen,
    ):
        screen.wait_for("idle")
        before = time.monotonic()
        screen.process.send_signal(signal.SIGTERM)

        assert screen.wait() == 0
        assert time.monotonic() - before < 5
    assert LEFT in screen.shown
    assert "Traceback" not in screen.shown


def test_an_agent_that_cannot_start_says_so_and_ends_as_without_a_screen(
    tmp_path: Path,
) -> None:
    arguments = ("--backend-url", "http://127.0.0.1:9")
    plain = run(PROGRAM, *arguments, home=tmp_path)
    with terminal("--tui", *arguments, home=tmp_path, program=PROGRAM) as screen:
        screen.wait_for("could not start")
        screen.type("q")

        assert screen.wait() == plain.code == 1
    said = screen.shown.partition(LEFT)[2]
    assert plain.err.splitlines()[-1] in said


@pytest.mark.parametrize("other", ["--json", "--with-parent"])
def test_a_screen_goes_without_what_programs_use(other: str, tmp_path: Path) -> None:
    done = run(PROGRAM, "--tui", other, home=tmp_path)

    assert done.code == 2
    assert f"--tui goes without {other}" in done.err


def test_without_a_terminal_it_is_wrong_usage(tmp_path: Path) -> None:
    done = run(PROGRAM, "--tui", home=tmp_path)

    assert done.code == 2
    assert "A screen needs a terminal" in done.err


def test_the_feed_is_followed_with_the_owners_key_alone(tmp_path: Path) -> None:
    config = AgentConfig(coordinator_url="ws://club.example/nodes/connect")

    assert isinstance(agent_screen._club(config), NoClub)

    with_key = AgentConfig(coordinator_url=config.coordinator_url, token="cak_x")
    source = agent_screen._club(with_key)
    assert isinstance(source, Attached)
    assert source.url == "http://club.example"


def test_an_error_is_told_as_the_command_line_tells_it() -> None:
    error = BackendError(FailCode.BACKEND, "no server")
    told = agent_screen._told(ExceptionGroup("", [error]))

    assert "no server" in told
    assert "clubai doctor" in told
    assert agent_screen._told(PermissionDenied("joining", "removed")).startswith(
        "joining is not allowed: removed"
    )
    assert "a bug" in agent_screen._told(KeyError("x"))
