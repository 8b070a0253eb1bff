from __future__ import annotations

from pathlib import Path

from support.commands import clubai

SECRET = "s" * 40


def test_every_value_is_shown_with_its_origin(tmp_path: Path) -> None:
    (tmp_path / "clubai.toml").write_text("[coordinator]\nname = 'mill'\n")

    done = clubai(
        *("config", "show", "--origin", "--json"),
        home=tmp_path,
        CLUBAI_PORT="9001",
        JWT_SECRET=SECRET,
        LMSTUDIO_URL="http://localhost:1234/v1",
    )

    shown = done.json()
    assert shown["coordinator"]["name"] == {"value": "mill", "origin": "clubai.toml"}
    assert shown["coordinator"]["port"] == {
        "value": 9001,
        "origin": "environment CLUBAI_PORT",
    }
    assert shown["coordinator"]["host"]["origin"] == "default"
    assert shown["agent"]["backend.url"]["origin"] == "environment LMSTUDIO_URL"
    assert shown["coordinator"]["jwt_secret"]["value"] == "(set)"
    assert SECRET not in done.out


def test_one_programs_values_are_shown_as_lines(tmp_path: Path) -> None:
    done = clubai("config", "show", "agent", home=tmp_path, NODE_ID="attic")

    assert done.code == 0
    assert done.out.startswith("[agent]\n")
    assert "name = 'attic'\n" in done.out
    assert "[coordinator]" not in done.out


def test_a_good_file_is_ok(tmp_path: Path) -> None:
    file = tmp_path / "club.toml"
    file.write_text("[agent.backend]\nslots = 2\n")

    done = clubai("config", "check", str(file), home=tmp_path)

    assert (done.code, done.out) == (0, f"{file}: ok\n")


def test_an_unknown_field_is_wrong_usage_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "clubai.toml").write_text("[coordinator]\nprot = 1\n")

    done = clubai("config", "check", home=tmp_path)

    assert done.code == 2
    assert done.out == ""
    assert done.err.count("\n") == 1
    for words in ("coordinator.prot", "clubai.toml", "did you mean 'port'?"):
        assert words in done.err
