"""What `pytest -n 3` needs, and what it does with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.sharing import ALONE, comes_first, scope


def test_every_process_gives_the_tests_the_same_ids(
    request: pytest.FixtureRequest,
) -> None:
    ids = [item.nodeid for item in request.session.items]

    assert [each for each in ids if " at 0x" in each] == []


def test_a_files_tests_stay_together() -> None:
    assert (
        scope("tests/core/test_tags.py::test_one[a::b/c]") == "tests/core/test_tags.py"
    )
    assert scope("tests/core/test_tasks.py::test_one") == "tests/core/test_tasks.py"


def test_those_that_start_many_processes_come_first_and_one_after_the_other() -> None:
    ids = [
        "tests/core/test_tags.py::test_one",
        "tests/integration/test_canary.py::test_one",
        "tests/integration/test_attacks.py::test_one",
        "tests/test_benchmarks.py::test_one",
    ]

    assert [comes_first(each) for each in ids] == [False, True, True, True]
    assert len({scope(each) for each in ids}) == 2


def test_what_is_named_is_there() -> None:
    root = Path(__file__).parent.parent

    assert all((root / each).exists() for each in ALONE)
