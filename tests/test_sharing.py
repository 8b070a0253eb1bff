"""What `pytest -n 2` needs, and what it does with it."""

from __future__ import annotations

import pytest

from support.sharing import comes_first, scope


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


def test_the_integration_tests_come_first_and_all_stay_together() -> None:
    ids = [
        "tests/core/test_tags.py::test_one",
        "tests/integration/test_canary.py::test_one",
        "tests/integration/test_attacks.py::test_one",
    ]

    assert [comes_first(each) for each in ids] == [False, True, True]
    assert scope(ids[1]) == scope(ids[2])
