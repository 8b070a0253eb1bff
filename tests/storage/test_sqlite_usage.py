from __future__ import annotations

from contextlib import closing
from pathlib import Path

from sqlite_utils import Database

from clubai.storage import sqlite_usage
from clubai.storage.database import open_files
from clubai.storage.sqlite_access import _NEWEST_AUDIT_OF


def plan(db: Database, sql: str, values: object) -> str:
    rows = db.execute(f"EXPLAIN QUERY PLAN {sql}", values)  # type: ignore[arg-type]
    return "\n".join(str(row[3]) for row in rows.fetchall())


def test_no_count_reads_all_tasks_and_no_look_up_all_lines(database: Path) -> None:
    with closing(open_files(database)) as files:
        use = plan(files.reader, sqlite_usage._USE, {"today": 2.0, "since": 1.0})
        names = {"member": "m", "day_s": 1, "first": 1, "end": 2}
        days = plan(files.reader, sqlite_usage._BY_DAY, names)
        lines = plan(files.reader, _NEWEST_AUDIT_OF, (9, "x", 5))

    assert "SCAN tasks" not in use
    assert "SCAN tasks" not in days
    assert "SCAN audit" not in lines
    assert "(object=? AND seq<?)" in lines
