from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from clubai.errors import StorageError
from clubai.model import node_text
from clubai.storage.sqlite import SqliteStore
from support.rows import standing_event, task_row

REPLACE = (
    "INSERT OR REPLACE INTO standing SELECT seq, at, node, member, change, 999, held,"
    " total, count, model, cause, why, by FROM standing"
)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM standing",
        "UPDATE standing SET points = 999",
        REPLACE,
    ],
)
async def test_no_tool_takes_an_event_back(sql: str, database: Path) -> None:
    event = standing_event()
    async with SqliteStore.open(database) as store:
        await store.append_standing([event])
    with closing(sqlite3.connect(database)) as db:
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            db.execute(sql)
        found = db.execute("SELECT node, change, points FROM standing").fetchall()

    assert found == [(node_text(event.node), "completed", 0)]


async def test_number_that_does_not_fit_is_refused_whole(database: Path) -> None:
    async with SqliteStore.open(database) as store:
        with pytest.raises(StorageError, match="too large"):
            await store.append_tasks_and_standing(
                [task_row(1)], [standing_event(0), standing_event(1, points=2**63)]
            )

        assert await store.count_tasks() == 0
        assert await store.standing_events() == []


async def test_event_that_no_clubai_wrote_is_an_error(database: Path) -> None:
    async with SqliteStore.open(database) as store:
        await store.append_standing([standing_event()])
        with closing(sqlite3.connect(database)) as db:
            db.execute("DROP TRIGGER standing_unchanged")
            db.execute("UPDATE standing SET change = 'knighted'")
            db.commit()

        with pytest.raises(StorageError, match="knighted"):
            await store.standing_events()


async def test_events_of_a_node_are_found_by_the_index(database: Path) -> None:
    async with SqliteStore.open(database):
        pass
    sql = "EXPLAIN QUERY PLAN SELECT * FROM standing WHERE node = '' AND seq >= 0"
    with closing(sqlite3.connect(database)) as db:
        plan = " ".join(row[-1] for row in db.execute(f"{sql} ORDER BY seq"))

    assert "INDEX" in plan
    assert "TEMP B-TREE" not in plan
