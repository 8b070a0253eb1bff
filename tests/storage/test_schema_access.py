from __future__ import annotations

import sqlite3

import pytest
from sqlite_utils import Database

from clubai.storage.migrations import m001_accounts_nodes_tasks
from clubai.storage.schema_access import m002_access


def test_keys_and_tasks_from_before_keep_their_meaning() -> None:
    db = Database(memory=True)
    m001_accounts_nodes_tasks(db)
    key = {
        "id": "abcd1234",
        "member": "m_a",
        "secret_hash": b"h",
        "label": "",
        "created_at": 1.0,
    }
    db.table("api_keys").insert(key)

    m002_access(db)

    [row] = db.query("SELECT * FROM api_keys")
    db.close()
    assert row["scopes"] == '["chat","embed","node","read"]'
    assert (row["models"], row["login"]) == ("[]", 1)
    assert (row["monthly_tokens"], row["expires_at"]) == (None, None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'm_b'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit VALUES (1, 2.0, 'm_b', 'x', '', '')",
    ],
)
def test_no_line_of_the_audit_log_is_changed(statement: str) -> None:
    db = Database(memory=True)
    m001_accounts_nodes_tasks(db)
    m002_access(db)
    line = {"at": 1.0, "actor": "m_a", "action": "x", "object": "", "detail": ""}
    db.table("audit").insert(line)
    db.execute("PRAGMA recursive_triggers = OFF")

    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(statement)

    assert list(db.query("SELECT * FROM audit")) == [{"seq": 1, **line}]
    db.close()
