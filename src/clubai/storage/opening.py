"""From a database URL to an open store."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

from clubai.errors import ConfigError
from clubai.storage.base import Store
from clubai.storage.memory import MemoryStore

_SQLITE: Final = "sqlite:///"
_FIX: Final = (
    "use sqlite:///relative/path.db, sqlite:////absolute/path.db,"
    " or memory:// to forget everything at the end"
)


def open_store(database_url: str) -> AbstractAsyncContextManager[Store]:
    """Open the store that `database_url` names, until the end of the `async with`.

    Raises:
        ConfigError: there is no such kind of store. At once, before anything is opened.
        StorageError: the data cannot be used. On entering.
    """
    if database_url == "memory://":
        return _open_memory()
    name = database_url.removeprefix(_SQLITE)
    if name == database_url or not _is_file_name(name):
        shown = re.sub(r"//[^/]*@", "//***@", database_url)
        raise ConfigError("DATABASE_URL", shown, _FIX)
    return _open_sqlite(Path(name).expanduser())


def _is_file_name(name: str) -> bool:
    return not (
        name in ("", ":memory:") or name.endswith("/") or set(name) & set("?#\0")
    )


@asynccontextmanager
async def _open_memory() -> AsyncIterator[Store]:
    store = MemoryStore()
    try:
        yield store
    finally:
        await store.aclose()


@asynccontextmanager
async def _open_sqlite(path: Path) -> AsyncIterator[Store]:
    # Loading sqlite-utils takes a while, and a club in memory never needs it.
    from clubai.storage.sqlite import SqliteStore

    async with SqliteStore.open(path) as store:
        yield store
