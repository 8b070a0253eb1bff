from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from clubai.cli import chat as module
from clubai.cli.chat import board_of, chat
from clubai.cli.place import Place
from clubai.tui.app import VIEWS, Dashboard
from clubai.tui.asking import Asking
from clubai.tui.source import Attached

PLACE = Place(url="http://club.example:8000", api_key="ca_key")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_without_a_terminal_it_names_the_command_for_that() -> None:
    done = CliRunner().invoke(chat, [])

    assert done.exit_code == 2
    assert "needs a terminal" in done.output
    assert "clubai ask" in done.output


def test_it_is_the_members_view_of_that_club() -> None:
    board = board_of(
        PLACE,
        model="m",
        mode="consensus",
        asking=Asking(system="Short."),
        ascii_only=True,
    )

    assert isinstance(board.source, Attached)
    assert (board.source.url, board.source.mode) == (PLACE.url, "attached")
    assert board.tabs == VIEWS["member"]
    assert (board.wanted_model, board.wanted_mode) == ("m", "consensus")
    assert board.asking == Asking(system="Short.")
    assert board.look.ascii


def test_its_options_reach_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    boards: list[Dashboard] = []
    monkeypatch.setattr(module, "run_screen", boards.append)
    monkeypatch.setattr(module, "need_terminal", lambda instead: None)

    flags = ["--url", PLACE.url, "--api-key", "k", "--mode", "context"]
    flags += ["--system", "Short.", "--max-tokens", "9"]
    flags += ["--temperature", "0", "--seed", "7"]

    done = CliRunner().invoke(chat, flags)

    assert done.exit_code == 0, done.output
    (board,) = boards
    assert board.wanted_mode == "context"
    assert board.asking == Asking(system="Short.", max_tokens=9, temperature=0, seed=7)
    assert board.source.url == PLACE.url


def test_what_is_not_given_is_left_to_the_models_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    boards: list[Dashboard] = []
    monkeypatch.setattr(module, "run_screen", boards.append)
    monkeypatch.setattr(module, "need_terminal", lambda instead: None)

    assert CliRunner().invoke(chat, ["--url", PLACE.url]).exit_code == 0

    assert boards[0].asking == Asking()


@pytest.mark.parametrize("flag", ["--temperature=-1", "--seed=x", "--max-tokens=0"])
def test_what_no_model_can_do_is_refused_before_there_is_a_screen(flag: str) -> None:
    done = CliRunner().invoke(chat, [flag])

    assert done.exit_code == 2
    assert flag.partition("=")[0] in done.output
