from __future__ import annotations

import pytest

from clubai.errors import StorageError
from clubai.storage import MemoryStore


async def test_a_closed_store_takes_nothing() -> None:
    store = MemoryStore()
    await store.aclose()
    with pytest.raises(StorageError):
        await store.prune_checks(1)
