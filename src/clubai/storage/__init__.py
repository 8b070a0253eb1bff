"""What the coordinator remembers: never what was asked or answered."""

from __future__ import annotations

from clubai.storage.base import ApiKeyRow, MemberRow, NodeRow, Store, TaskRow
from clubai.storage.memory import MemoryStore
from clubai.storage.opening import open_store

__all__ = [
    "ApiKeyRow",
    "MemberRow",
    "MemoryStore",
    "NodeRow",
    "Store",
    "TaskRow",
    "open_store",
]
