from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from clubai.cli.progress import MODELS
from clubai.tui.samples import DEMO
from support.commands import clubai, started
from support.terminal import terminal
from support.thread_backend import MODEL, parrot
from support.tmux import needs_tmux, tmux

QUESTION = "What is the capital of France?"


def test_once_answers_with_its_provenance_and_leaves_nothing(tmp_path: Path) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    with parrot() as backend:
        flags = ("demo", "--once", QUESTION, "--backend", backend.url)

        done = clubai(*flags, home=tmp_path, TMPDIR=str(scratch))

        chat = backend.chats[0]
    assert (done.code, done.err) == (0, "")
    answer, _, source = done.out.partition("\n\n")
    assert answer == f"You said: {QUESTION} "
    for words in ("node-", MODEL, "9 prompt + 4 answer", "attempts     1", DEMO.system):
        assert words in source
    assert "readable by  node" in source
    assert chat["messages"][0] == {"role": "system", "content": DEMO.system}
    assert (chat["temperature"], chat["max_tokens"]) == (0, 80)
    assert list(scratch.iterdir()) == []


def test_once_as_json_is_one_object_on_one_line(tmp_path: Path) -> None:
    with parrot() as backend:
        flags = ("demo", "--once", QUESTION, "--json", "--backend", backend.url)

        answer = clubai(*flags, home=tmp_path).json()

    assert answer["answer"] == f"You said: {QUESTION} "
    assert answer["nodes"][0]["name"].startswith("node-")
    assert answer["usage"]["completion_tokens"] == 4
    assert answer["timings"]["total_ms"] > 0
    assert answer["system"] == DEMO.system


@pytest.mark.parametrize("arguments", [["--json"], ["--once", " "]])
def test_wrong_usage_starts_nothing(arguments: list[str], tmp_path: Path) -> None:
    assert clubai("demo", *arguments, home=tmp_path).code == 2


def test_without_a_terminal_it_asks_and_tells_in_lines(tmp_path: Path) -> None:
    with (
        parrot() as backend,
        started(
            *("clubai.cli", "demo", "--backend", backend.url), home=tmp_path
        ) as demo,
    ):
        assert demo.line().startswith("OpenAI API http://127.0.0.1:")
        while "stays open" not in demo.line():
            pass

        assert [chat["temperature"] for chat in backend.chats] == [0] * 6
        assert demo.stop() == 0
        assert demo.err() == ""


@needs_tmux
def test_on_a_terminal_it_shows_the_dashboard_and_takes_keys(tmp_path: Path) -> None:
    with (
        parrot() as backend,
        tmux("demo", "--backend", backend.url, home=tmp_path) as screen,
    ):
        screen.wait_for("Overview", "3/3 up", "A club of your own")
        screen.keys("8")
        screen.wait_for("Ask the club")
        screen.type("quite another question")
        screen.keys("Enter")
        screen.wait_for("You said: quite another question", "readable by node")
        screen.keys("Escape")
        screen.wait_for("a Ask")
        screen.keys("Space")
        screen.wait_for(f"You said: {DEMO.samples[0]}")
        screen.keys("q")
        screen.wait_for("ended with 0")

        for chat in backend.chats:
            assert chat["messages"][0]["content"] == DEMO.system
            assert chat["temperature"] == 0
        assert len(backend.chats) == 2


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_the_terminal_as_it_was(tmp_path: Path, signum: int) -> None:
    with (
        parrot() as backend,
        terminal("demo", "--backend", backend.url, home=tmp_path) as screen,
    ):
        screen.wait_for("Overview")
        screen.wait_for("connected")
        before = time.monotonic()
        screen.process.send_signal(signum)

        assert screen.wait() == 0
        assert time.monotonic() - before < 5
        assert "\x1b[?1049l" in screen.shown
        assert "Traceback" not in screen.shown


@pytest.mark.model
def test_once_answers_from_the_real_model(tmp_path: Path) -> None:
    done = clubai(
        *("demo", "--once", QUESTION, "--json"),
        home=tmp_path,
        XDG_CACHE_HOME=str(MODELS.parent.parent),
    )

    answer = done.json()
    assert "Paris" in answer["answer"]
    assert answer["model"] == "smollm2-135m-instruct"
    assert answer["usage"]["completion_tokens"] > 0
    assert os.listdir(tmp_path) == []
