"""The benchmark of agreement says of the written answers what the page says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.agreement", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("--json"))["rates"]
    return found


def test_each_threshold_is_measured(rows: list[dict[str, Any]]) -> None:
    assert [row["threshold"] for row in rows] == [0.25, 0.30, 0.35]
    assert {row["source"] for row in rows} == {"written"}
    assert {row["threes"] for row in rows} == {100}


def test_at_the_default_every_cheat_is_caught_and_nobody_else(
    rows: list[dict[str, Any]],
) -> None:
    row = rows[1]

    assert row["false_alarms"] == row["pairs_apart"] == row["no_quorum"] == 0
    for rates in ("caught", "honest_wins", "honest_of_five"):
        assert set(row[rates].values()) == {1}
    for rates in ("cheat_wins", "cheat_of_five"):
        assert set(row[rates].values()) == {0}


def test_a_lower_threshold_catches_less(rows: list[dict[str, Any]]) -> None:
    assert rows[0]["caught"]["another prompt's answer"] < 0.9


def test_it_is_a_table_for_people() -> None:
    table = run()

    assert table.startswith("written: prompts by answers: 10 with 5; 0 were cut")
    assert "T=0.30" in table
