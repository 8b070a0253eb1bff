"""The benchmark's own parts can be trusted: the mock, the generator, the budget."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from support.commands import started

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def mock_url() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.mock_backend", "--rate=200"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as mock:
        assert mock.stdout is not None
        yield f"http://127.0.0.1:{int(mock.stdout.readline())}/v1"
        mock.communicate(timeout=10)


def test_idle_nodes_join_and_stay(tmp_path: Path) -> None:
    club = ["up", "--processes", "--json", "--port=0", "--agents=0", "--data=club"]
    with started("clubai.cli", *club, home=tmp_path) as up:
        ready = up.ready()
        url = ready["coordinator"].replace("http", "ws", 1) + "/nodes/connect"
        program = [sys.executable, "-m", "benchmarks.idle_nodes", url]
        short = ["--nodes=20", "--silent=0.1", "--interval=0.3", "--seconds=0.5"]
        done = subprocess.run(
            [*program, f"--key={ready['api_key']}", *short],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )

    phases = [msgspec.json.decode(line) for line in done.stdout.splitlines()]
    names = ["enrolled", "joined", "silent", "beating"]
    assert [phase["phase"] for phase in phases] == names
    assert [phase["lost"] for phase in phases] == [0, 0, 0, 0]
    assert phases[3]["heartbeats"] >= 20


def load(url: str, *arguments: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", url, "--seconds=0.2", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, float] = msgspec.json.decode(done.stdout)
    return result


def test_whole_answers_are_counted(mock_url: str) -> None:
    result = load(mock_url, "--tokens=7", "--at-once=4")

    assert result["requests"] > 4
    assert result["tokens"] == 7 * result["requests"]
    assert result["errors"] == 0


def test_streams_keep_the_pace(mock_url: str) -> None:
    result = load(mock_url, "--stream", "--model=mock-paced", "--tokens=5")

    assert result["errors"] == 0
    assert result["per_token_ms"] == pytest.approx(5, rel=0.5)


def test_a_refusal_is_an_error_and_not_a_fast_answer(mock_url: str) -> None:
    result = load(mock_url.replace("/v1", "/v2"))

    assert result["requests"] == 0
    assert result["errors"] > 0
    assert "404" in str(result["first_error"])


def test_a_budget_is_broken_above_it_and_kept_at_it() -> None:
    program = (
        "from benchmarks.report import Verdict\n"
        "assert Verdict(what='x', measured=2.0, budget=2.0).kept\n"
        "assert not Verdict(what='x', measured=2.01, budget=2.0).kept\n"
    )

    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
