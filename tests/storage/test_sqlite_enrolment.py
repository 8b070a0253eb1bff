from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database, Migrations

from clubai.crypto.enrolment import new_enrolment_token, token_hash
from clubai.model import MemberId, NodeId, node_text
from clubai.storage import open_store
from clubai.storage.enrolment import EnrolledRow, EnrolmentRow
from clubai.storage.migrations import STEPS
from support.rows import node_row

ALICE = MemberId("m_alice")
NODE = EnrolledRow(
    id=NodeId(b"n" * 32),
    key=b"k" * 32,
    name="attic",
    owner=ALICE,
    state="pending",
    enrolled_at=1500.0,
    changed_at=1500.0,
)


async def test_it_is_there_after_a_restart_and_the_token_is_not(
    database: Path,
) -> None:
    token = new_enrolment_token()
    row = EnrolmentRow(
        id="x",
        member=ALICE,
        token_hash=token_hash(token),
        confirm=True,
        created_at=1000.0,
        expires_at=2000.0,
    )
    other = EnrolmentRow(
        id="y",
        member=ALICE,
        token_hash=token_hash(new_enrolment_token()),
        confirm=False,
        created_at=1001.0,
        expires_at=2000.0,
    )
    url = f"sqlite:///{database}"
    async with open_store(url) as store:
        await store.add_enrolment(row, limit=5)
        await store.add_enrolment(other, limit=5)
        assert await store.enrol_node(row.token_hash, NODE, limit=5) == "done"

    async with open_store(url) as store:
        assert await store.enrolments_of(ALICE) == [other]
        assert await store.enrolled_node(NODE.id) == NODE
    files = b"".join(path.read_bytes() for path in database.parent.iterdir())
    assert token.encode() not in files
    assert node_text(NODE.id).encode() in files


async def test_nodes_that_joined_before_there_was_enrolment_are_enrolled(
    database: Path,
) -> None:
    database.parent.mkdir()
    older = Migrations("clubai")
    older()(STEPS[0])
    row = node_row("attic", first_seen_at=1000.0)
    with closing(sqlite3.connect(database)) as connection:
        db = Database(connection)
        older.apply(db)
        record = {
            "id": node_text(row.id),
            "key": row.key,
            "name": row.name,
            "name_key": row.name,
            "owner": row.owner,
            "first_seen_at": row.first_seen_at,
            "last_seen_at": row.last_seen_at,
        }
        db.table("nodes").insert(record)
        connection.commit()

    async with open_store(f"sqlite:///{database}") as store:
        assert await store.enrolled_nodes(row.owner) == [
            EnrolledRow(
                id=row.id,
                key=row.key,
                name="attic",
                owner=row.owner,
                state="enrolled",
                enrolled_at=1000.0,
                changed_at=1000.0,
            )
        ]
