from __future__ import annotations

import pytest

from clubai.errors import StorageError
from clubai.storage import MemoryStore


async def test_a_closed_store_takes_nothing() -> None:
    store = MemoryStore()
    await store.aclose()
    with pytest.raises(StorageError):
        await store.post([])


async def test_what_was_read_is_not_what_is_kept() -> None:
    store = MemoryStore()
    await store.post([], settled=[b"a"])

    (await store.settled_tasks()).clear()

    assert await store.settled_tasks() == {b"a"}
