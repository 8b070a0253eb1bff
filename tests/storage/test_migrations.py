from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database, Migrations

from clubai.errors import StorageError
from clubai.model import VerdictFacts
from clubai.reputation.events import StandingEvent
from clubai.storage.access import AuditRow, InviteRow, RefreshRow
from clubai.storage.base import ApiKeyRow, MemberRow, NodeRow, TaskRow
from clubai.storage.books import CloseRow, LedgerRow
from clubai.storage.checks import CheckRow
from clubai.storage.database import open_files
from clubai.storage.enrolment import EnrolledRow, EnrolmentRow
from clubai.storage.keylog import KeyLogRow, NodeOwnerRow
from clubai.storage.migrations import STEPS, is_foreign, schema, unknown_steps
from clubai.storage.sqlite import SqliteStore
from clubai.storage.sqlite_tasks import APPEND_TASK, task_values
from support.rows import close_row, ledger_row, standing_event, task_row

TABLES = {
    "members": MemberRow,
    "api_keys": ApiKeyRow,
    "nodes": NodeRow,
    "tasks": TaskRow,
    "key_log": KeyLogRow,
    "node_owners": NodeOwnerRow,
    "enrolments": EnrolmentRow,
    "enrolled_nodes": EnrolledRow,
    "refresh_families": RefreshRow,
    "invites": InviteRow,
    "audit": AuditRow,
    "verdicts": VerdictFacts,
    "standing": StandingEvent,
    "checks": CheckRow,
    "ledger": LedgerRow,
    "closes": CloseRow,
}
BESIDES = {
    "members": {"name_key"},
    "api_keys": set[str](),
    "nodes": {"name_key"},
    "tasks": {"seq"},
    "key_log": set[str](),
    "node_owners": set[str](),
    "enrolments": set[str](),
    "enrolled_nodes": set[str](),
    "refresh_families": set[str](),
    "invites": set[str](),
    "audit": set[str](),
    "verdicts": {"seq"},
    "standing": set[str](),
    "checks": {"seq"},
    "ledger": set[str](),
    "closes": {"seq"},
}


def test_steps_are_numbered_in_order() -> None:
    numbers = [step.__name__.partition("_")[0] for step in STEPS]

    assert numbers == [f"m{number:03}" for number in range(1, len(STEPS) + 1)]


def test_columns_are_those_of_the_rows_and_no_others() -> None:
    db = Database(memory=True)
    schema().apply(db)

    columns = {
        name: set(db.table(name).columns_dict)
        for name in db.table_names()
        if name in TABLES
    }
    db.close()
    assert columns == {
        name: set(row.__struct_fields__) | BESIDES[name] for name, row in TABLES.items()
    }


@pytest.mark.parametrize("steps", range(len(STEPS) + 1))
def test_every_older_database_is_brought_up_to_date(database: Path, steps: int) -> None:
    database.parent.mkdir()
    older = Migrations("clubai")
    for step in STEPS[:steps]:
        older()(step)
    with closing(sqlite3.connect(database)) as connection:
        older.apply(Database(connection))

    files = open_files(database)
    applied = [step.name for step in schema().applied(files.writer)]
    files.close()

    assert applied == [step.__name__ for step in STEPS]


async def test_rows_from_before_standing_and_pay_are_kept(database: Path) -> None:
    database.parent.mkdir()
    older = Migrations("clubai")
    for step in STEPS[:5]:
        older()(step)
    assert STEPS[4].__name__ == "m005_verdicts"
    with closing(sqlite3.connect(database)) as connection:
        older.apply(Database(connection))
        connection.execute(APPEND_TASK, task_values(task_row(1)))
        connection.execute(
            "INSERT INTO verdicts"
            " VALUES (1, ?, 0, 1, ?, 'm_alice', 1, 250, 1, 1800000000000)",
            ("0" * 32, "a" * 52),
        )
        connection.commit()

    async with SqliteStore.open(database) as store:
        assert await store.tasks(limit=9) == [task_row(1)]
        assert [kept.member for kept in await store.verdicts(limit=9)] == ["m_alice"]
        assert await store.standing_events() == []
        await store.append_tasks_and_standing([task_row(2)], [standing_event()])
        settled = [task_row(1).id]
        assert await store.post([ledger_row()], close=close_row(), settled=settled)
        assert len(await store.tasks_between(0, 9e9)) == 2


def test_database_of_a_newer_clubai_is_refused_and_kept(database: Path) -> None:
    def m999_from_the_future(db: Database) -> None:
        db.table("members").add_column("shoe_size", int)

    open_files(database).close()
    newer = schema()
    newer()(m999_from_the_future)
    with closing(sqlite3.connect(database)) as connection:
        newer.apply(Database(connection))
    before = database.read_bytes()

    with pytest.raises(StorageError, match=r"newer ClubAI.*m999.*upgrade") as refused:
        open_files(database)

    assert refused.value.where == str(database)
    assert database.read_bytes() == before


def test_own_steps_are_known() -> None:
    db = Database(memory=True)
    schema().apply(db)

    assert unknown_steps(db) == []
    db.close()


def test_database_that_was_killed_in_its_first_moment_is_no_stranger() -> None:
    db = Database(memory=True)
    schema().ensure_migrations_table(db)

    assert not is_foreign(db)
    db.table("songs").insert({"title": "x"})
    assert is_foreign(db)
    schema().apply(db)
    assert not is_foreign(db)
    db.close()
