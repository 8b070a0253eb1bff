from __future__ import annotations

import io
from pathlib import Path

import pytest

from clubai.agent import BackendConfig
from clubai.agent.backends.models import Progress, Stage
from clubai.cli.progress import plain_lines, show_progress, with_model

MB = 1 << 20


def at(stage: Stage, done: int) -> Progress:
    return Progress(name="tiny\x1b", stage=stage, done=done * MB, total=100 * MB)


def test_plain_lines_come_at_new_stages_and_quarters_only() -> None:
    lines: list[str] = []
    tell = plain_lines(lines.append)

    for done in (0, 1, 24, 25, 26, 60, 100):
        tell(at("fetching", done))
    tell(at("verifying", 0))

    assert lines == [
        "fetching tiny?: 0 %",
        "fetching tiny?: 25 %",
        "fetching tiny?: 50 %",
        "fetching tiny?: 100 %",
        "verifying tiny?: 0 %",
    ]


def test_nothing_known_is_no_division_by_nothing() -> None:
    lines: list[str] = []

    plain_lines(lines.append)(Progress(name="x", stage="waiting", done=0, total=0))

    assert lines == ["waiting for another fetch x: 0 %"]


def test_off_a_terminal_the_lines_go_to_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with show_progress() as tell:
        tell(at("fetching", 50))

    out, err = capsys.readouterr()
    assert (out, err) == ("", "fetching tiny?: 50 %\n")


def test_on_a_terminal_it_is_a_bar_that_goes_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)

    with show_progress() as tell:
        tell(at("fetching", 50))
        tell(at("verifying", 100))

    assert "verifying tiny?" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")
    assert capsys.readouterr().out == ""


async def test_a_server_needs_no_file() -> None:
    config = BackendConfig(url="http://localhost:1234")

    assert await with_model(config) is config


async def test_the_file_of_an_embedded_model_is_named(tmp_path: Path) -> None:
    file = tmp_path / "own.gguf"
    file.write_bytes(b"GGUF")

    found = await with_model(BackendConfig(embedded=True, model=str(file)))

    assert found == BackendConfig(embedded=True, model=str(file))
