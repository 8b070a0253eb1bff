"""Ended tasks as rows of SQLite: how they are added, and how they are read."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Final

import msgspec

from clubai.model import NodeId, TaskFacts, node_text

_COLUMNS: Final = TaskFacts.__struct_fields__
_ID: Final = _COLUMNS.index("id")
_NODE: Final = _COLUMNS.index("node")
APPEND_TASK: Final = (
    f"INSERT INTO tasks ({', '.join(_COLUMNS)})"  # noqa: S608 - our own names
    f" VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT (id) DO NOTHING"
)


def task_values(row: TaskFacts) -> Sequence[str | float]:
    """What `APPEND_TASK` takes."""
    values = list(msgspec.structs.astuple(row))
    values[_ID] = row.id.hex()
    values[_NODE] = node_text(NodeId(row.node))
    return values


def task_facts(record: dict[str, object]) -> TaskFacts:
    """Read a record of the table.

    Raises:
        ValueError: it is not as it should be.
    """
    node = str(record["node"]).upper()
    record["id"] = bytes.fromhex(str(record["id"]))
    record["node"] = base64.b32decode(node + "=" * (-len(node) % 8))
    return msgspec.convert(record, TaskFacts)
