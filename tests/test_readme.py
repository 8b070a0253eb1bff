"""The README's commands are the ones that CI runs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```\w*\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    shown = subprocess.run(
        [ROOT / ".ci" / "run", "--show"], capture_output=True, text=True, check=True
    ).stdout

    assert shown.endswith(" -m pytest -n 3\n")
    assert shown in BLOCKS


def test_nox_runs_the_tests_in_as_many_processes() -> None:
    assert '"python", "-m", "pytest", "-n", "3",' in (ROOT / "noxfile.py").read_text()


def test_the_first_command_is_one_line_and_runs_the_demo() -> None:
    first = BLOCKS[0]

    assert first.count("\n") == 1
    assert first.startswith("python3 -m venv .venv && ")
    assert "-c constraints.txt" in first
    assert '&& .venv/bin/clubai demo --once "' in first


def test_the_pinned_versions_name_no_index() -> None:
    pins = (ROOT / "constraints.txt").read_text().splitlines()

    assert all(re.match(r"[a-z0-9][a-z0-9-]*==\S+( ;|$)", pin) for pin in pins)
    assert pins == sorted(pins, key=lambda pin: pin.replace("==", " "))
