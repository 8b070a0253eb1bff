from __future__ import annotations

import pytest

from clubai.errors import ConfigError
from clubai.sim.mix import read_mix
from clubai.sim.populations import PRESETS, Population


def test_a_known_population_keeps_its_numbers() -> None:
    mix = read_mix("[population.cheap]\nshare = 1\n")

    assert mix["cheap"].caught == PRESETS["cheap"].caught
    assert mix["cheap"].share == 1.0


def test_numbers_can_be_changed_and_borrowed() -> None:
    mix = read_mix(
        "[population.honest]\nshare = 0.75\nhours = 8\n"
        '[population.sly]\nlike = "part_time"\nshare = 0.25\nbad = 0.05\n'
    )

    assert list(mix) == ["honest", "sly"]
    assert mix["honest"].hours == 8
    assert (mix["sly"].bad, mix["sly"].pace) == (0.05, PRESETS["part_time"].pace)


def test_a_new_population_begins_as_an_honest_one() -> None:
    assert read_mix("[population.mine]\nshare = 1.0\n") == {
        "mine": Population(share=1.0)
    }


@pytest.mark.parametrize(
    ("text", "field", "fix"),
    [
        ("nonsense", "mix", "valid TOML"),
        ("", "population", "at least one table"),
        ("population = 3", "population", "at least one table"),
        ("[honest]\nshare = 1", "honest", "[population.NAME]"),
        ("[population]\nhonest = 1", "population.honest", "[population.honest]"),
        ("[population.a]\nbad = 0.5", "population.a.share", "say its share"),
        ("[population.a]\nshare = 2", "population.a.share", "<= 1.0"),
        ("[population.a]\nshare = 'x'", "population.a.share", "float"),
        ("[population.a]\nshare = 0.5", "share", "sum to 1"),
        ("[population.a]\nshare = 1\nhuors = 8", "population.a.huors", "use one of"),
        ("[population.a]\nshare = 1\nhours = 25", "population.a.hours", "<= 24"),
        ("[population.a]\nshare = 1\nlike = 'b'", "population.a.like", "honest"),
        ("[population.a]\nshare = 1\nlike = ['b']", "population.a.like", "honest"),
    ],
)
def test_errors_name_field_and_fix(text: str, field: str, fix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_mix(text)

    assert caught.value.field == field
    assert fix in caught.value.fix
