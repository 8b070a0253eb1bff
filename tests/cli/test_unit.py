from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from clubai.cli import unit


def parsed(command: list[str]) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(
        interpolation=None, strict=False, comment_prefixes="#"
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.systemd_unit(command))
    return parser


def test_the_unit_starts_the_agent_and_stops_it_gently() -> None:
    service = parsed(["/opt/bin/clubai-agent"])["Service"]

    assert service["ExecStart"] == "/opt/bin/clubai-agent"
    assert service["Type"] == "notify"
    assert service["KillSignal"] == "SIGTERM"
    assert service["TimeoutStopSec"] == "30"
    assert service["RestartPreventExitStatus"] == "2 4"


def test_the_unit_is_for_a_user() -> None:
    assert parsed(["x"])["Install"]["WantedBy"] == "default.target"


def test_words_that_mean_something_to_systemd_are_quoted() -> None:
    service = parsed(["/my apps/100%/$x/agent", "--name", 'a"b'])["Service"]

    assert service["ExecStart"] == '"/my apps/100%%/$$x/agent" --name "a\\"b"'


def test_the_agents_command_is_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)

    command = unit.agent_command()

    assert Path(command[0]).is_absolute()
    assert command[1:] == ["-m", "clubai.cli.agent"]


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("there is no systemd-analyze here")
    file = tmp_path / "clubai-agent.service"
    file.write_text(unit.systemd_unit(unit.agent_command()))

    done = subprocess.run(
        [analyze, "--user", "verify", file], capture_output=True, text=True
    )

    assert "clubai-agent.service" not in done.stderr
