"""The key log and node ownership in SQLite."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import msgspec
from sqlite_utils import Database

from clubai.model import NodeId, node_text
from clubai.storage.durability import through_power_loss
from clubai.storage.keylog import KeyLogRow, NodeOwnerRow

if TYPE_CHECKING:
    from clubai.storage.turns import Turns

_PUT_OWNER: Final = """
    INSERT INTO node_owners (node, key, sig, at) VALUES (:node, :key, :sig, :at)
    ON CONFLICT (node) DO UPDATE SET
        key = excluded.key, sig = excluded.sig, at = excluded.at
"""
_OF_NODE: Final = """
    SELECT * FROM key_log WHERE position IN (
        SELECT min(position) FROM key_log WHERE node = :node
        UNION SELECT * FROM (
            SELECT position FROM key_log WHERE node = :node
            ORDER BY position DESC LIMIT :newest
        )
    ) ORDER BY position
"""
_APPEND_ONLY: Final = """
    CREATE TRIGGER key_log_next BEFORE INSERT ON key_log
    WHEN NEW.position IS NOT (SELECT coalesce(max(position) + 1, 0) FROM key_log)
    BEGIN SELECT RAISE(ABORT, 'an entry of the key log is not the next one'); END;
    CREATE TRIGGER key_log_kept BEFORE DELETE ON key_log
    BEGIN SELECT RAISE(ABORT, 'the key log is only appended to'); END;
    CREATE TRIGGER key_log_unchanged BEFORE UPDATE ON key_log
    BEGIN SELECT RAISE(ABORT, 'the key log is only appended to'); END;
"""


def create_key_log(db: Database) -> None:
    """Make the tables, and the triggers that let the log only grow."""
    log = db.table("key_log").create(
        {
            "position": int,
            "leaf": bytes,
            "leaf_hash": bytes,
            "node": str,
            "epoch": int,
            "at": float,
        },
        pk="position",
        not_null={"leaf", "leaf_hash", "node", "epoch", "at"},
        strict=True,
    )
    log.create_index(["leaf_hash"], unique=True)
    log.create_index(["node", "position"])
    for statement in _APPEND_ONLY.split("END;")[:-1]:
        db.execute(f"{statement}END")
    db.table("node_owners").create(
        {"node": str, "key": bytes, "sig": bytes, "at": float},
        pk="node",
        not_null={"key", "sig", "at"},
        strict=True,
    )


class SqliteKeyLog:
    """A part of `SqliteStore`, which says whose turn it is."""

    _writing: Turns
    _reading: Turns

    async def append_key_log(self, row: KeyLogRow) -> None:
        """Add an entry; `StorageError` when it is not the next one, or there already.

        It is on the disk when this returns: a log that forgot what it has signed looks
        like one that lies.
        """
        record = {**msgspec.structs.asdict(row), "node": node_text(row.node)}

        def append(db: Database) -> None:
            with through_power_loss(db), db.atomic():
                db.table("key_log").insert(record)

        await self._writing.run(append)

    async def key_log(self, start: int, count: int) -> list[KeyLogRow]:
        """The entries from `start` on, at most `count`, in order."""
        sql = "SELECT * FROM key_log WHERE position >= ? ORDER BY position LIMIT ?"
        values = (max(start, 0), max(count, 0))
        return await self._reading.run(
            lambda db: [_entry(record) for record in db.query(sql, values)]
        )

    async def key_log_hashes(self) -> bytes:
        """The hashes of all entries, 32 bytes each, in order."""
        sql = "SELECT leaf_hash FROM key_log ORDER BY position"
        return await self._reading.run(
            lambda db: b"".join(hashed for (hashed,) in db.execute(sql))
        )

    async def key_log_position(self, leaf_hash: bytes) -> int | None:
        """Where the entry with this hash is; None when there is none."""
        sql = "SELECT position FROM key_log WHERE leaf_hash = ?"

        def find(db: Database) -> int | None:
            found = db.execute(sql, (leaf_hash,)).fetchone()
            return None if found is None else int(found[0])

        return await self._reading.run(find)

    async def key_log_of(self, node: NodeId, *, newest: int) -> list[KeyLogRow]:
        """The first entry of a node and its `newest` last ones, in order."""
        values = {"node": node_text(node), "newest": max(newest, 0)}
        return await self._reading.run(
            lambda db: [_entry(record) for record in db.query(_OF_NODE, values)]
        )

    async def put_node_owner(self, row: NodeOwnerRow) -> None:
        """Keep what an owner signed, in place of what was kept for this node."""
        record = {**msgspec.structs.asdict(row), "node": node_text(row.node)}
        await self._writing.run(lambda db: db.execute(_PUT_OWNER, record))

    async def node_owners(self) -> list[NodeOwnerRow]:
        """What owners signed, for all nodes."""
        sql = "SELECT * FROM node_owners ORDER BY at, rowid"
        return await self._reading.run(
            lambda db: [
                msgspec.convert({**record, "node": _node(record["node"])}, NodeOwnerRow)
                for record in db.query(sql)
            ]
        )


def _entry(record: dict[str, object]) -> KeyLogRow:
    return msgspec.convert({**record, "node": _node(record["node"])}, KeyLogRow)


def _node(text: object) -> bytes:
    upper = str(text).upper()
    return base64.b32decode(upper + "=" * (-len(upper) % 8))
