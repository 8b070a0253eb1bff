from __future__ import annotations

from pathlib import Path

import pytest

from clubai.cli.progress import MODELS
from support.commands import clubai

NAME = "smollm2-135m-instruct"


def test_a_model_that_is_not_here_is_listed_with_its_command(tmp_path: Path) -> None:
    found = clubai("model", "list", "--json", home=tmp_path).json()
    text = clubai("model", "list", home=tmp_path).out

    assert [(row["name"], row["here"]) for row in found["models"]] == [(NAME, False)]
    assert found["folder"].startswith(str(tmp_path))
    assert f"clubai model pull {NAME}" in text


def test_a_file_of_ones_own_is_listed(tmp_path: Path) -> None:
    folder = tmp_path / ".cache" / "clubai" / "models"
    folder.mkdir(parents=True)
    (folder / "own.gguf").write_bytes(b"GGUF and more")

    rows = clubai("model", "list", "--json", home=tmp_path).json()["models"]

    assert rows[0] == {
        "name": "own",
        "file": str(folder / "own.gguf"),
        "bytes": 13,
        "here": True,
    }


def test_a_model_that_nobody_knows_is_a_failure(tmp_path: Path) -> None:
    done = clubai("model", "pull", "gpt-99", "--json", home=tmp_path)

    assert done.code == 1
    assert done.error()["code"] == "model_file"
    assert NAME in done.error()["message"]


def test_a_file_that_is_there_needs_no_fetching(tmp_path: Path) -> None:
    file = tmp_path / "own.gguf"
    file.write_bytes(b"GGUF and more")

    done = clubai("model", "pull", str(file), home=tmp_path)

    assert (done.code, done.out) == (0, f"own is at {file}\n")


@pytest.mark.model
def test_pulling_again_finds_it(tmp_path: Path) -> None:
    cache = str(MODELS.parent.parent)

    done = clubai("model", "pull", "--json", home=tmp_path, XDG_CACHE_HOME=cache)

    assert done.json()["name"] == NAME
    assert done.json()["bytes"] == 98_362_432
