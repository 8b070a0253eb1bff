"""A real club on the embedded model: garbage and another prompt's answers are caught.

`python -m benchmarks.cheats` is the same with more nodes, until they are suspended.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clubai.reputation.sequential import SUBTLE, expected_to_convict

ROOT = Path(__file__).parent.parent.parent
PROGRAM = ("-m", "benchmarks.cheats", "--json", "--cheats=garbage,another-prompt")
SHORT = ("--honest=3", "--convictions=1", "--tasks=6", "--seconds=200", "--pause=0")

pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.timeout(240)]


def test_cheats_are_convicted_as_soon_as_predicted_and_nobody_else(
    model_file: Path,
) -> None:
    assert model_file.exists()
    done = subprocess.run(
        [sys.executable, *PROGRAM, *SHORT, "--spare-references"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    result: dict[str, Any] = msgspec.json.decode(done.stdout)
    nodes = {row["node"]: row for row in result["rows"]}

    for name in ("garbage", "another-prompt"):
        node = nodes[name]
        assert node["convictions"] >= 1, done.stderr
        most = node["convictions"] * expected_to_convict(SUBTLE) + 2
        assert node["passed"] + node["failed"] <= most
    honest = [row for name, row in nodes.items() if name.startswith("honest")]
    assert [row["convictions"] for row in honest] == [0, 0, 0]
    assert sum(row["passed"] for row in honest) > 0
