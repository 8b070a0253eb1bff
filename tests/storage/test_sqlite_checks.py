from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from clubai.storage.sqlite import SqliteStore
from support.rows import check_row

REPLACE = """
    INSERT OR REPLACE INTO checks
    SELECT {seq}, id, at, node, model, kind, prompt, expected, got, 0, why, "references"
    FROM checks
"""


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE checks SET passed = 0",
        REPLACE.format(seq="seq"),
        REPLACE.format(seq="seq + 1"),
    ],
)
async def test_no_tool_changes_a_check(sql: str, database: Path) -> None:
    async with SqliteStore.open(database) as store:
        await store.append_check(check_row())
    with closing(sqlite3.connect(database)) as db:
        with pytest.raises(sqlite3.IntegrityError, match="not changed"):
            db.execute(sql)
        found = db.execute('SELECT passed, length(node), "references" FROM checks')

        assert found.fetchall() == [(1, 52, '["4","It is 4."]')]


async def test_checks_outlive_the_process(database: Path) -> None:
    async with SqliteStore.open(database) as store:
        await store.append_check(check_row())
    async with SqliteStore.open(database) as store:
        assert await store.check("check-0") == check_row()
