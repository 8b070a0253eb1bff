from __future__ import annotations

from pathlib import Path

from support.commands import clubai

FEW = ("simulate", "--nodes", "20", "--days", "2", "--tasks-per-day", "5")


def test_json_has_its_keys_and_the_seed_is_obeyed(tmp_path: Path) -> None:
    first = clubai(*FEW, "--json", home=tmp_path).json()
    again = clubai(*FEW, "--json", home=tmp_path).json()
    other = clubai(*FEW, "--json", "--seed", "2", home=tmp_path).json()

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


def test_the_table_and_the_charts_are_for_people(tmp_path: Path) -> None:
    done = clubai(*FEW, "--rules", "asked", "--seed", "9", home=tmp_path)

    assert (done.code, done.err) == (0, "")
    assert "20 nodes for 2 days, rules: asked, seed 9" in done.out
    assert "Population" in done.out
    assert "work that was verification" in done.out
    assert "█" in done.out


def test_a_mix_is_read_from_a_file(tmp_path: Path) -> None:
    mix = tmp_path / "club.toml"
    mix.write_text("[population.honest]\nshare = 0.5\n[population.idle]\nshare = 0.5\n")

    found = clubai(*FEW, "--mix", str(mix), "--json", home=tmp_path).json()

    assert list(found["populations"]) == ["honest", "idle"]


def test_a_bad_mix_is_wrong_usage(tmp_path: Path) -> None:
    mix = tmp_path / "club.toml"
    mix.write_text("[population.honest]\nshare = 2.0\n")

    done = clubai(*FEW, "--mix", str(mix), "--json", home=tmp_path)

    assert done.code == 2
    assert "population.honest.share" in done.error()["message"]


def test_policies_are_of_the_clubs_rules(tmp_path: Path) -> None:
    without = ("--without", "slash", "--without", "escrow")

    found = clubai(*FEW, *without, "--json", home=tmp_path).json()
    refused = clubai(*FEW, *without, "--rules", "asked", home=tmp_path)

    assert found["without"] == ["slash", "escrow"]
    assert refused.code == 2
    assert "--without is for --rules club" in refused.err
