"""The step of the schema that brings refresh tokens, invites and the audit log."""

from __future__ import annotations

from typing import Final

from sqlite_utils import Database

_ALL_SCOPES: Final = '["chat","embed","node","read"]'
_NEW_COLUMNS: Final = (
    ("api_keys", f"scopes TEXT NOT NULL DEFAULT '{_ALL_SCOPES}'"),
    ("api_keys", "models TEXT NOT NULL DEFAULT '[]'"),
    ("api_keys", "monthly_tokens INTEGER"),
    ("api_keys", "expires_at REAL"),
    # Keys from before could do all that their member could, and still can.
    ("api_keys", "login INTEGER NOT NULL DEFAULT 1"),
    ("tasks", "key_id TEXT NOT NULL DEFAULT ''"),
)
_TRIGGER: Final = """
    CREATE TRIGGER audit_{name} BEFORE {event}
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
"""
_APPEND_ONLY: Final = {
    "no_update": "UPDATE ON audit",
    "no_delete": "DELETE ON audit",
    # INSERT OR REPLACE deletes without asking the trigger above.
    "no_replace": "INSERT ON audit WHEN EXISTS"
    " (SELECT 1 FROM audit WHERE seq = NEW.seq)",
}


def m002_access(db: Database) -> None:
    """Grants of API keys, refresh tokens, invites, and the audit log."""
    for table, column in _NEW_COLUMNS:
        db.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    _create_refresh_families(db)
    _create_invites(db)
    _create_audit(db)


def _create_refresh_families(db: Database) -> None:
    families = db.table("refresh_families").create(
        {
            "id": str,
            "member": str,
            "digest": bytes,
            "created_at": float,
            "expires_at": float,
            "ended_at": float,
        },
        pk="id",
        not_null={"member", "digest", "created_at", "expires_at"},
        strict=True,
    )
    families.create_index(["member"])


def _create_invites(db: Database) -> None:
    invites = db.table("invites").create(
        {
            "id": str,
            "digest": bytes,
            "sponsor": str,
            "created_at": float,
            "expires_at": float,
            "used_at": float,
            "used_by": str,
            "revoked_at": float,
        },
        pk="id",
        not_null={"digest", "sponsor", "created_at", "expires_at"},
        strict=True,
    )
    invites.create_index(["digest"], unique=True)
    invites.create_index(["sponsor"])


def _create_audit(db: Database) -> None:
    columns = {
        "at": float,
        "actor": str,
        "action": str,
        "object": str,
        "detail": str,
    }
    db.table("audit").create(
        {"seq": int, **columns}, pk="seq", not_null=set(columns), strict=True
    )
    for name, event in _APPEND_ONLY.items():
        db.execute(_TRIGGER.format(name=name, event=event))
