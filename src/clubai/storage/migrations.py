"""The schema of the database, as the steps that lead to it.

A step that was released is never changed: a later one corrects it. No column holds
what a member asked or was answered, and no password or key in clear. The ids of tasks
and nodes are kept in the text that people know them by, so that any tool can show and
search them.
"""

from __future__ import annotations

from typing import Final

from sqlite_utils import Database, Migrations

from clubai.storage.schema_access import m002_access
from clubai.storage.sqlite_books import create_books
from clubai.storage.sqlite_checks import create_checks
from clubai.storage.sqlite_keylog import create_key_log
from clubai.storage.sqlite_standing import create_standing
from clubai.storage.sqlite_usage import index_usage
from clubai.storage.sqlite_verdicts import create_verdicts


def m001_accounts_nodes_tasks(db: Database) -> None:
    """Accounts, API keys, known nodes, and the facts of ended tasks."""
    db.table("members").create(
        {
            "id": str,
            "name": str,
            "name_key": str,
            "password": str,
            "role": str,
            "created_at": float,
            "token_epoch": int,
        },
        pk="id",
        not_null={"name", "name_key", "password", "role", "created_at", "token_epoch"},
        strict=True,
    ).create_index(["name_key"], unique=True)
    db.table("api_keys").create(
        {
            "id": str,
            "member": str,
            "secret_hash": bytes,
            "label": str,
            "created_at": float,
            "revoked_at": float,
        },
        pk="id",
        not_null={"member", "secret_hash", "label", "created_at"},
        strict=True,
    ).create_index(["member"])
    db.table("nodes").create(
        {
            "id": str,
            "key": bytes,
            "name": str,
            "name_key": str,
            "owner": str,
            "first_seen_at": float,
            "last_seen_at": float,
        },
        pk="id",
        not_null={"key", "name", "name_key", "owner", "first_seen_at", "last_seen_at"},
        strict=True,
    ).create_index(["name_key"], unique=True)
    _create_tasks(db)


def _create_tasks(db: Database) -> None:
    columns = {
        "id": str,
        "member": str,
        "model": str,
        "kind": str,
        "mode": str,
        "state": str,
        "code": str,
        "node": str,
        "attempts": int,
        "created_at": float,
        "ended_at": float,
        "queued_ms": int,
        "first_token_ms": int,
        "total_ms": int,
        "prompt_tokens": int,
        "completion_tokens": int,
        "request_bytes": int,
        "answer_bytes": int,
    }
    tasks = db.table("tasks").create(
        {"seq": int, **columns}, pk="seq", not_null=set(columns), strict=True
    )
    tasks.create_index(["id"], unique=True)
    tasks.create_index(["ended_at"])
    tasks.create_index(["member", "ended_at"])


def m003_enrolment(db: Database) -> None:
    """Enrolment tokens and enrolled nodes; a node that joined before is enrolled."""
    tokens = {
        "id": str,
        "member": str,
        "token_hash": bytes,
        "confirm": int,
        "created_at": float,
        "expires_at": float,
    }
    enrolments = db.table("enrolments").create(
        tokens, pk="id", not_null=set(tokens), strict=True
    )
    enrolments.create_index(["token_hash"], unique=True)
    enrolments.create_index(["member"])
    nodes = {
        "id": str,
        "key": bytes,
        "name": str,
        "owner": str,
        "state": str,
        "enrolled_at": float,
        "changed_at": float,
    }
    db.table("enrolled_nodes").create(
        nodes, pk="id", not_null=set(nodes), strict=True
    ).create_index(["owner"])
    db.execute(
        "INSERT INTO enrolled_nodes"
        " SELECT id, key, name, owner, 'enrolled', first_seen_at, first_seen_at"
        " FROM nodes"
    )


def m004_key_log(db: Database) -> None:
    """The key log, which only grows, and what owners signed for their nodes."""
    create_key_log(db)


def m005_verdicts(db: Database) -> None:
    """What clients said of answers, signed by the task's key."""
    create_verdicts(db)


def m006_standing(db: Database) -> None:
    """What changed the standing of nodes, which is only added to."""
    create_standing(db)


def m007_checks(db: Database) -> None:
    """The club's own questions, and how the answers to them were judged."""
    create_checks(db)


def m008_books(db: Database) -> None:
    """The ledger, the closes, and the tasks that they paid: only added to."""
    create_books(db)


def m009_usage(db: Database) -> None:
    """Indexes to count what members use, and to find what was done to one thing."""
    index_usage(db)


STEPS: Final = (
    m001_accounts_nodes_tasks,
    m002_access,
    m003_enrolment,
    m004_key_log,
    m005_verdicts,
    m006_standing,
    m007_checks,
    m008_books,
    m009_usage,
)
"""Every step there ever was, oldest first."""


def schema() -> Migrations:
    """All steps, ready to be applied to a database."""
    migrations = Migrations("clubai")
    for step in STEPS:
        migrations()(step)
    return migrations


def unknown_steps(db: Database) -> list[str]:
    """The steps that a newer ClubAI made in this database, oldest first."""
    known = {step.__name__ for step in STEPS}
    return [step.name for step in schema().applied(db) if step.name not in known]


def is_foreign(db: Database) -> bool:
    """Tell whether the database has tables, and none of them is of ClubAI's making."""
    own = Migrations.migrations_table
    return not schema().applied(db) and bool(set(db.table_names()) - {own})
