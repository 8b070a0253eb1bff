from __future__ import annotations

import signal
from pathlib import Path

import pytest

from support.commands import UpClub, clubai
from support.recordings import write_recording
from support.terminal import terminal
from support.tmux import needs_tmux, tmux


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "clubai top --once"),
        (["--replay", "x.jsonl", "--record", "y.jsonl"], "--replay goes without"),
        (["--replay", "x.jsonl", "--member"], "--replay goes without"),
        (["--speed", "0"], "--speed"),
        (["--port", "70000", "--serve"], "--port"),
        (["--serve", "--record", "y.jsonl"], "--serve goes without --record"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], words: str, tmp_path: Path) -> None:
    done = clubai("tui", *arguments, home=tmp_path)

    assert (done.code, done.out) == (2, "")
    assert words in done.err


@needs_tmux
def test_a_recording_is_replayed_paused_and_looked_through(tmp_path: Path) -> None:
    write_recording(tmp_path / "club.jsonl")
    flags = ("--replay", "club.jsonl", "--speed", "60", "--theme", "club-light")
    with tmux("tui", *flags, home=tmp_path) as screen:
        screen.wait_for("club.jsonl", "replay", "x60", "END")
        screen.keys("2")
        nodes = screen.wait_for("attic", "forge", "suspect")
        assert "Drain" not in nodes
        screen.keys("P")
        screen.wait_for("PAUSED")
        screen.resize(60, 20)
        screen.wait_for("attic", "PAUSED")
        screen.resize(50, 12)
        screen.wait_for("60x15 shows more")
        screen.resize(120, 30)
        screen.wait_for("attic", "Models", gone="shows more")
        screen.keys("8")
        screen.wait_for("Nobody can be asked")
        screen.keys("q")
        screen.wait_for("ended with 0")


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b"", "it is empty"), (b"what\n", "line 1")],
)
@needs_tmux
def test_what_is_no_recording_is_told_before_there_is_a_screen(
    content: bytes | None, words: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "club.jsonl").write_bytes(content)
    with tmux("tui", "--replay", "club.jsonl", home=tmp_path) as screen:
        told = screen.wait_for("ended with", words)
        assert "ended with 0" not in told


@needs_tmux
def test_a_theme_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    write_recording(tmp_path / "club.jsonl")
    flags = ("--replay", "club.jsonl", "--theme", "pink")
    with tmux("tui", *flags, home=tmp_path) as screen:
        screen.wait_for("pink", "club-dark", "ended with 2")


@needs_tmux
def test_a_bad_key_is_told_with_what_to_do(club: UpClub, tmp_path: Path) -> None:
    flags = ("--url", club.url, "--api-key", "cak_wrong")
    with tmux("tui", *flags, home=tmp_path) as screen:
        screen.wait_for("refused", "clubai login")
        screen.keys("q")
        screen.wait_for("ended with 0")


@needs_tmux
def test_readonly_has_no_keys_that_act_and_ascii_no_other_signs(
    club: UpClub, tmp_path: Path
) -> None:
    flags = ("--url", club.url, "--api-key", club.api_key, "--readonly", "--ascii")
    with tmux("tui", *flags, home=tmp_path, NO_COLOR="1") as screen:
        screen.wait_for("READ-ONLY", "* connected")
        screen.keys("2")
        nodes = screen.wait_for("node-1", "alive")
        assert nodes.isascii()
        assert "Drain" not in nodes
        screen.keys("q")
        screen.wait_for("ended with 0")


def test_a_signal_leaves_the_terminal_as_it_was(club: UpClub, tmp_path: Path) -> None:
    flags = ("--url", club.url, "--api-key", club.api_key)
    with terminal("tui", *flags, home=tmp_path) as screen:
        screen.wait_for("connected")
        screen.process.send_signal(signal.SIGTERM)

        assert screen.wait() == 0
        assert "\x1b[?1049l" in screen.shown
        assert "Traceback" not in screen.shown
