from __future__ import annotations

import logging
from pathlib import Path

import click
import pytest

from clubai.cli.screen import log_tail, need_terminal, recording
from clubai.errors import ConfigError
from clubai.tui.recording import Recorder, read_recording
from support.dashboard import Scripted, script


def test_without_a_terminal_another_command_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TEXTUAL_DRIVER", raising=False)

    with pytest.raises(click.UsageError, match="clubai top --once"):
        need_terminal("clubai top --once")


def test_a_browser_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_DRIVER", "textual.drivers.web_driver:WebDriver")

    need_terminal("clubai top --once")


async def test_what_comes_is_written_for_oneself_alone(tmp_path: Path) -> None:
    path = tmp_path / "evening.jsonl"
    given = script()

    with recording(Scripted(given), path) as source:
        assert isinstance(source, Recorder)
        items = source.items()
        seen = [await anext(items) for _ in given]
        await items.aclose()

    assert [record.item for record in read_recording(path)] == seen == given
    assert path.stat().st_mode & 0o077 == 0


def test_without_a_file_nothing_is_written() -> None:
    source = Scripted(script())

    with recording(source, None) as watched:
        assert watched is source


def test_a_recording_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "evening.jsonl"
    path.write_text("precious")

    with (
        pytest.raises(ConfigError, match="there already"),
        recording(Scripted(script()), path),
    ):
        pass

    assert path.read_text() == "precious"


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "evening.jsonl"

    with (
        pytest.raises(ConfigError, match="No such file or directory"),
        recording(Scripted(script()), path),
    ):
        pass


def test_what_is_logged_meanwhile_goes_to_the_tail_and_not_to_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = logging.getLogger().handlers[:]
    with log_tail() as tail:
        logging.getLogger("clubai.some").warning("not on the screen")

    assert [line.text for line in tail.lines] == ["not on the screen"]
    assert logging.getLogger().handlers == before
    assert capsys.readouterr() == ("", "")
