from __future__ import annotations

from random import Random

import pytest

from clubai.sim import work


def drawn(seed: int) -> list[work.Size]:
    return work.sizes(Random(seed))  # noqa: S311


def test_an_average_task_is_the_work_of_three_checks() -> None:
    found = drawn(1)

    mean = sum(size.tokens for size in found) / len(found)

    assert mean / work.check_size().tokens == pytest.approx(work.CHECK_SHARE, rel=0.15)


def test_the_same_seed_gives_the_same_sizes() -> None:
    assert drawn(5) == drawn(5)
    assert drawn(5) != drawn(6)
