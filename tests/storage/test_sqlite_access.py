from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from clubai.errors import StorageError
from clubai.storage.access import AuditRow
from clubai.storage.sqlite import SqliteStore
from support.rows import api_key_row, invite_row, member_row, refresh_row


async def test_what_was_changed_is_there_after_a_restart(database: Path) -> None:
    async with SqliteStore.open(database) as store:
        await store.add_refresh(refresh_row("fam"), keep=3)
        await store.rotate_refresh(
            "fam", digest=b"\x01" * 32, successor=b"\x02" * 32, at=2.0, expires_at=9.0
        )
        await store.add_invite(invite_row("a"), most_open=3)
        await store.append_audit(AuditRow(at=1.0, actor="m_a", action="x"))

    async with SqliteStore.open(database) as store:
        outcome = await store.rotate_refresh(
            "fam", digest=b"\x01" * 32, successor=b"\x03" * 32, at=3.0, expires_at=9.0
        )
        assert outcome == "reused"
        assert [row.id for row in await store.invites()] == ["a"]
        assert await store.audit(limit=1) == [
            AuditRow(seq=1, at=1.0, actor="m_a", action="x")
        ]


async def test_an_account_and_its_invite_are_one_transaction(database: Path) -> None:
    """The writing of the account breaks; the invite is as it was."""
    async with SqliteStore.open(database) as store:
        invite = invite_row("a")
        await store.add_invite(invite, most_open=3)
        with closing(sqlite3.connect(database)) as other:
            other.execute(
                "CREATE TRIGGER full BEFORE INSERT ON members"
                " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            )

        with pytest.raises(StorageError, match="disk full"):
            await store.add_invited_member(
                member_row("carol"), digest=invite.digest, at=7.0
            )

        assert await store.invite(invite.digest) == invite


async def test_lists_are_kept_in_a_form_that_any_tool_reads(database: Path) -> None:
    async with SqliteStore.open(database) as store:
        await store.add_api_key(api_key_row("a", scopes=("chat",), models=("m",)))

    def read() -> list[tuple[str, str]]:
        with closing(sqlite3.connect(database)) as other:
            return other.execute("SELECT scopes, models FROM api_keys").fetchall()

    assert await anyio.to_thread.run_sync(read) == [('["chat"]', '["m"]')]
