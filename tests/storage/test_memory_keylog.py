from __future__ import annotations

import pytest

from clubai.errors import StorageError
from clubai.storage import MemoryStore
from support.rows import key_log_row, node_owner_row


async def test_a_closed_store_takes_and_gives_nothing() -> None:
    store = MemoryStore()
    await store.aclose()

    with pytest.raises(StorageError, match="closed"):
        await store.append_key_log(key_log_row())
    with pytest.raises(StorageError, match="closed"):
        await store.put_node_owner(node_owner_row())
    with pytest.raises(StorageError, match="closed"):
        await store.key_log_hashes()


async def test_two_stores_share_nothing() -> None:
    one, other = MemoryStore(), MemoryStore()

    await one.append_key_log(key_log_row())

    assert await other.key_log(0, 1) == []
