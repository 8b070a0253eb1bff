from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.sim.populations import PRESETS, Population, counts


def test_a_thousand_nodes_are_those_of_the_design() -> None:
    assert counts(PRESETS, 1000) == {
        "honest": 680,
        "flaky": 90,
        "idle": 40,
        "cheap": 60,
        "part_time": 20,
        "garbage": 30,
        "whitewash": 20,
        "ring": 10,
        "betrayer": 10,
        "sybil": 40,
    }


@given(
    parts=st.lists(st.integers(1, 1000), min_size=1, max_size=8),
    nodes=st.integers(1, 5000),
)
def test_counts_add_up_and_are_near_their_shares(parts: list[int], nodes: int) -> None:
    mix = {f"p{i}": Population(share=part / sum(parts)) for i, part in enumerate(parts)}

    found = counts(mix, nodes)

    assert sum(found.values()) == nodes
    for name, population in mix.items():
        assert abs(found[name] - population.share * nodes) < 1 + 1e-6


@pytest.mark.parametrize(
    ("day", "cheats"), [(0, False), (44, False), (45, True), (89, True)]
)
def test_a_betrayer_turns_on_its_day(day: int, cheats: bool) -> None:
    assert PRESETS["betrayer"].cheats(day) is cheats


def test_the_honest_never_cheat() -> None:
    assert not PRESETS["honest"].cheats(1000)
