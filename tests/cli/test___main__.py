from __future__ import annotations

from pathlib import Path

from support.commands import run


def test_the_package_can_be_run(tmp_path: Path) -> None:
    done = run("clubai.cli", "--help", home=tmp_path)

    assert done.code == 0
    assert done.out.startswith("Usage: clubai ")
