from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clubai.cli.simulate import simulate
from clubai.errors import ConfigError

FEW = ("--nodes", "20", "--days", "2", "--tasks-per-day", "5")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(simulate, [*FEW, *arguments])


def found(*arguments: str) -> Any:
    done = run(*arguments, "--json")
    assert (done.exit_code, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    return json.loads(done.stdout)


def test_json_has_its_keys_and_the_seed_is_obeyed() -> None:
    first, again, other = found(), found(), found("--seed", "2")

    assert {
        "seed",
        "bad_answer_share",
        "verification_share",
        "simulated_node_days_per_second",
        "populations",
    } <= set(first)
    assert (first["seed"], other["seed"]) == (1, 2)
    assert {"points", "profit_vs_honest", "suspended_share"} <= set(
        first["populations"]["honest"]
    )
    for measured in ("seconds", "simulated_node_days_per_second"):
        del first[measured], again[measured]
    assert first == again
    assert first["points_by_day"] != other["points_by_day"]


def test_the_table_and_the_charts_are_for_people() -> None:
    done = run("--rules", "asked", "--seed", "9")

    assert (done.exit_code, done.stderr) == (0, "")
    assert "20 nodes for 2 days, rules: asked, seed 9" in done.stdout
    assert "Population" in done.stdout
    assert "work that was verification" in done.stdout
    assert "█" in done.stdout


def test_a_mix_is_read_from_a_file(tmp_path: Path) -> None:
    mix = tmp_path / "club.toml"
    mix.write_text("[population.honest]\nshare = 0.5\n[population.idle]\nshare = 0.5\n")

    assert list(found("--mix", str(mix))["populations"]) == ["honest", "idle"]


def test_a_bad_mix_is_refused(tmp_path: Path) -> None:
    mix = tmp_path / "club.toml"
    mix.write_text("[population.honest]\nshare = 2.0\n")

    done = run("--mix", str(mix))

    assert isinstance(done.exception, ConfigError)
    assert done.exception.field == "population.honest.share"


def test_a_mix_that_is_no_text_is_refused(tmp_path: Path) -> None:
    mix = tmp_path / "club.toml"
    mix.write_bytes(b"\xff\xfe")

    assert isinstance(run("--mix", str(mix)).exception, ConfigError)


def test_policies_are_of_the_clubs_rules() -> None:
    without = ("--without", "slash", "--without", "escrow")

    assert found(*without)["without"] == ["slash", "escrow"]
    refused = run(*without, "--rules", "asked")
    assert refused.exit_code == 2
    assert "--without is for --rules club" in refused.stderr


@pytest.mark.parametrize(
    "option", ["--nodes=0", "--days=0", "--rules=none", "--seed=x"]
)
def test_wrong_options_are_wrong_usage(option: str) -> None:
    assert run(option).exit_code == 2
