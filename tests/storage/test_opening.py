from __future__ import annotations

from pathlib import Path

import pytest

from clubai.errors import ConfigError, StorageError
from clubai.storage import MemoryStore, open_store
from clubai.storage.sqlite import SqliteStore
from support.rows import member_row


async def test_memory_store_forgets(tmp_path: Path) -> None:
    for _ in range(2):
        async with open_store("memory://") as store:
            assert isinstance(store, MemoryStore)
            assert await store.add_member(member_row())


async def test_four_slashes_are_an_absolute_path(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/data/club.db") as store:
        assert isinstance(store, SqliteStore)

    assert (tmp_path / "data" / "club.db").is_file()


async def test_three_slashes_are_a_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async with open_store("sqlite:///data/club.db"):
        pass

    assert (tmp_path / "data" / "club.db").is_file()


async def test_tilde_is_the_home_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    async with open_store("sqlite:///~/club.db"):
        pass

    assert (tmp_path / "club.db").is_file()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "data/clubai.db",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite:///data/",
        "sqlite:///:memory:",
        "sqlite:///club.db?mode=ro",
        "sqlite:///club\0.db",
        "sqlite://host/club.db",
        "mysql://club",
        "memory",
    ],
)
def test_other_urls_are_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_store(url)

    assert refused.value.field == "DATABASE_URL"
    assert refused.value.value == url
    assert "sqlite:///relative/path.db" in refused.value.fix


def test_password_in_a_url_is_not_shown() -> None:
    with pytest.raises(ConfigError) as refused:
        open_store("postgresql://club:hun@ter2@db.example/club")

    assert refused.value.value == "postgresql://***@db.example/club"
    assert "ter2" not in str(refused.value)


async def test_store_is_closed_when_the_block_fails(database: Path) -> None:
    with pytest.raises(KeyError):
        async with open_store(f"sqlite:///{database}") as store:
            raise KeyError

    with pytest.raises(StorageError, match="closed"):
        await store.nodes()
    async with open_store(f"sqlite:///{database}"):
        pass
