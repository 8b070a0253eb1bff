"""The dashboard on a real terminal, attached to a real club that breaks."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from clubai.protocol.feed import ClubEvent, FeedSnapshot
from clubai.tui.recording import read_recording
from support.commands import UpClub, clubai, started
from support.cut_line import cut_line
from support.thread_backend import parrot
from support.tmux import needs_tmux, tmux

pytestmark = [needs_tmux, pytest.mark.slow]


def up(backend: str, data: Path, port: int = 0) -> tuple[str, ...]:
    flags = ("--port", str(port), "--data", str(data), "--agents", "2")
    return ("clubai.cli", "up", "--json", "--backend", backend, *flags)


@pytest.fixture
def backend() -> Iterator[str]:
    with parrot() as server:
        yield server.url


def test_a_killed_coordinator_is_told_at_once_and_found_again(
    backend: str, tmp_path: Path
) -> None:
    data = tmp_path / "club"
    with started(*up(backend, data), home=tmp_path) as club:
        ready = club.ready()
        url, key = ready["coordinator"], {"CLUBAI_API_KEY": ready["api_key"]}
        with tmux("tui", "--url", url, home=tmp_path, **key) as screen:
            screen.wait_for("connected")
            screen.keys("2")
            screen.wait_for("node-1", "node-2", "alive")

            club.stop(signal.SIGKILL)

            told = screen.wait_for("disconnected", "cannot be reached", "old")
            assert "node-1" in told
            port = int(url.rpartition(":")[2])
            with started(*up(backend, data, port), home=tmp_path) as again:
                again.ready()
                screen.wait_for("connected", "alive", gone="disconnected")
                asked = clubai("ask", "hello", "--url", url, home=tmp_path, **key)
                assert asked.code == 0
                screen.keys("3")
                screen.wait_for("Tasks", "done", "parrot")
                screen.keys("q")
                screen.wait_for("ended with 0")


def test_over_cut_lines_no_event_is_missed_and_none_comes_twice(
    backend: str, tmp_path: Path
) -> None:
    with started(*up(backend, tmp_path / "club"), home=tmp_path) as club:
        ready = club.ready()
        url = ready["coordinator"]
        direct = UpClub(url, ready["api_key"])
        with cut_line(url) as line:
            flags = ("--url", line.url, "--record", "seen.jsonl")
            key = {"CLUBAI_API_KEY": ready["api_key"]}
            with tmux("tui", *flags, home=tmp_path, **key) as screen:
                screen.wait_for("connected")
                screen.keys("3")
                cut = 0
                for number in range(6):
                    done = direct.clubai("ask", f"question {number}", home=tmp_path)
                    assert done.code == 0
                    cut += line.cut()
                screen.wait_for("connected", gone="disconnected")
                last = direct.clubai("ask", "the last", "--json", home=tmp_path).json()
                screen.wait_for(last["task"][:8], "done")
                screen.keys("q")
                screen.wait_for("ended with 0")

    items = [record.item for record in read_recording(tmp_path / "seen.jsonl")]
    events = [item for item in items if isinstance(item, ClubEvent)]
    numbers = [event.seq for event in events]
    first = next(item for item in items if isinstance(item, FeedSnapshot))
    assert cut > 0
    assert numbers == list(range(first.seq + 1, first.seq + 1 + len(numbers)))
    done = [event.task.id for event in events if event.task and event.what == "done"]
    assert len(done) == len(set(done)) == 7
    assert done[-1] == last["task"]
