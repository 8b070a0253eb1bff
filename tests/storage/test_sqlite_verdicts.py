from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from clubai.model import MemberId, VerdictFacts
from clubai.storage import open_store

ROW = VerdictFacts(
    task=b"t" * 16,
    part=0,
    attempt=0,
    node=b"n" * 32,
    member=MemberId("m_alice"),
    value=2,
    score_milli=0,
    checked=False,
    at_ms=1,
)


@pytest.mark.parametrize("sql", ["DELETE FROM verdicts", "UPDATE verdicts SET value=0"])
async def test_no_tool_takes_a_verdict_back(sql: str, database: Path) -> None:
    async with open_store(f"sqlite:///{database}") as store:
        await store.append_verdicts([ROW])
    with sqlite3.connect(database) as db:
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            db.execute(sql)
        (task, node) = db.execute("SELECT task, node FROM verdicts").fetchone()
    db.close()

    assert task == "74" * 16
    assert len(node) == 52
