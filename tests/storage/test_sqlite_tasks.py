from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from sqlite_utils import Database

from clubai.model import TaskFacts
from clubai.storage.migrations import schema
from clubai.storage.sqlite_tasks import APPEND_TASK, task_facts, task_values
from support.rows import task_row


@pytest.mark.parametrize(
    "row", [task_row(7, key_id="abcd1234"), task_row(8, node=b"", state="failed")]
)
def test_a_task_comes_back_as_it_was(row: TaskFacts) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        db = Database(connection)
        schema().apply(db)
        connection.execute(APPEND_TASK, task_values(row))
        connection.execute(APPEND_TASK, task_values(row))

        assert [task_facts(record) for record in db.query("SELECT * FROM tasks")] == [
            row
        ]


def test_a_record_that_is_not_as_it_should_be_is_an_error() -> None:
    with pytest.raises(ValueError, match="non-hexadecimal"):
        task_facts({"id": "not hex", "node": ""})
