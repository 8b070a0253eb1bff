"""The examples run, each in a process of its own, and do what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_there_is_a_test_for_each_example() -> None:
    source = Path(__file__).read_text()

    for example in EXAMPLES.glob("*.py"):
        assert f'run("{example.name}")' in source


@pytest.mark.model
def test_a_club_answers_six_questions_on_three_nodes() -> None:
    out = run("ask_a_club.py")

    assert "The capital of France is Paris." in out
    assert "The capital of Italy is Rome." in out
    shares = [int(share) for share in re.findall(r" did (\d+) of 6$", out, re.M)]
    assert len(shares) == 3
    assert sum(shares) == 6
    assert min(shares) >= 1


@pytest.mark.model
def test_the_openai_package_streams_from_a_club() -> None:
    out = run("stream_with_openai.py")

    assert "Pacific" in out
    assert re.search(r": \d+ tokens$", out.strip())


@pytest.mark.model
def test_a_job_is_divided_in_three_ways() -> None:
    out = run("divide_a_job.py")

    subtasks, _, rest = out.partition("--- consensus")
    consensus, _, context = rest.partition("--- context")
    assert "Paris" in subtasks
    assert len(set(re.findall(r"part \d done, by (node-\d)$", subtasks, re.M))) >= 2
    assert re.search(r"^[23] of [23] agree$", consensus, re.M)
    assert re.findall(r"^(map-\d|merge), ", context, re.M)[:3] == [
        "map-1",
        "map-2",
        "map-3",
    ]
    assert "Tom Reed will buy a new mower" in context


@pytest.mark.model
def test_what_happens_in_a_club_is_followed() -> None:
    out = run("watch_a_club.py")

    assert re.search(r"^task \w{8} queued$", out, re.M)
    assert re.search(r"^task \w{8} done node-\d$", out, re.M)
    assert out.splitlines()[-2:] == ["node-1 is alive", "node-2 is alive"]


def test_a_backend_of_ones_own_answers() -> None:
    out = run("bring_your_own_backend.py")

    assert out == "WHO IS A CLEVER BIRD \nsaid polly\n"


def test_a_month_is_closed_and_checked() -> None:
    out = run("close_a_month.py")

    assert re.findall(r"gets (\d+)$", out, re.M) == ["2108", "366"]
    assert out.count("ok: ") == 5
    assert out.splitlines()[-1].startswith("changed: root")


def test_the_rules_are_tried_on_cheats() -> None:
    out = run("try_the_rules.py")

    asked, _, club = out.partition("--- the club's rules")
    bad = [
        float(found)
        for text in (asked, club)
        for found in re.findall(r"members: ([\d.]+)%$", text, re.M)
    ]
    assert bad[0] > 1 > bad[1]
    assert re.search(r"^garbage +0 of \d+ suspended", asked, re.M)
    assert re.search(r"^garbage +(\d+) of \1 suspended", club, re.M)
