from __future__ import annotations

import pytest

from clubai.errors import StorageError
from clubai.model import MemberId
from clubai.storage import MemoryStore


async def test_a_closed_store_refuses_enrolment_too() -> None:
    store = MemoryStore()
    await store.aclose()

    with pytest.raises(StorageError):
        await store.enrolments_of(MemberId("m_alice"))
