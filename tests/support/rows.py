"""Rows to store, each with defaults that no test depends on."""

from __future__ import annotations

import hashlib
from typing import TypeVar

import msgspec

from clubai.model import MemberId, NodeId
from clubai.reputation.events import Change, StandingEvent
from clubai.storage import ApiKeyRow, MemberRow, NodeRow, TaskRow
from clubai.storage.access import InviteRow, RefreshRow
from clubai.storage.books import CloseRow, LedgerRow
from clubai.storage.checks import CheckRow
from clubai.storage.keylog import KeyLogRow, NodeOwnerRow

Row = TypeVar(
    "Row",
    MemberRow,
    ApiKeyRow,
    NodeRow,
    TaskRow,
    RefreshRow,
    InviteRow,
    KeyLogRow,
    NodeOwnerRow,
    StandingEvent,
    CheckRow,
    LedgerRow,
    CloseRow,
)


def member_row(name: str = "alice", **changes: object) -> MemberRow:
    return _changed(
        MemberRow(
            id=MemberId(f"m_{hashlib.sha256(name.encode()).hexdigest()[:16]}"),
            name=name,
            password="$argon2id$not-a-real-one",
            role="member",
            created_at=1000.5,
        ),
        changes,
    )


def api_key_row(key_id: str = "abcd1234", **changes: object) -> ApiKeyRow:
    return _changed(
        ApiKeyRow(
            id=key_id,
            member=MemberId("m_alice"),
            secret_hash=b"\x01" * 32,
            label="laptop",
            created_at=1000.0,
        ),
        changes,
    )


def node_row(name: str = "lab", **changes: object) -> NodeRow:
    key = hashlib.sha256(name.encode()).digest()
    return _changed(
        NodeRow(
            id=NodeId(hashlib.sha256(key).digest()),
            key=key,
            name=name,
            owner=MemberId("m_alice"),
            first_seen_at=1000.0,
            last_seen_at=2000.0,
        ),
        changes,
    )


def task_row(number: int = 0, **changes: object) -> TaskRow:
    return _changed(
        TaskRow(
            id=number.to_bytes(16, "big"),
            member=MemberId("m_alice"),
            model="smol",
            kind="chat",
            mode="single",
            state="done",
            code="",
            node=b"\x07" * 32,
            attempts=1,
            created_at=1000.0 + number,
            ended_at=1001.0 + number,
            queued_ms=1,
            first_token_ms=20,
            total_ms=300,
            prompt_tokens=40,
            completion_tokens=50,
            request_bytes=600,
            answer_bytes=700,
        ),
        changes,
    )


def key_log_row(position: int = 0, **changes: object) -> KeyLogRow:
    leaf = f"leaf {position}".encode()
    return _changed(
        KeyLogRow(
            position=position,
            leaf=leaf,
            leaf_hash=hashlib.sha256(b"\x00" + leaf).digest(),
            node=NodeId(b"\x07" * 32),
            epoch=position,
            at=1000.5 + position,
        ),
        changes,
    )


def refresh_row(family: str = "fam", **changes: object) -> RefreshRow:
    return _changed(
        RefreshRow(
            id=family,
            member=MemberId("m_alice"),
            digest=b"\x01" * 32,
            created_at=1.0,
            expires_at=1000.0,
        ),
        changes,
    )


def node_owner_row(**changes: object) -> NodeOwnerRow:
    return _changed(
        NodeOwnerRow(
            node=NodeId(b"\x07" * 32), key=b"\x02" * 32, sig=b"\x03" * 64, at=1000.5
        ),
        changes,
    )


def invite_row(invite: str = "inv", **changes: object) -> InviteRow:
    return _changed(
        InviteRow(
            id=invite,
            digest=hashlib.sha256(invite.encode()).digest(),
            sponsor=MemberId("m_alice"),
            created_at=1.0,
            expires_at=999.0,
        ),
        changes,
    )


def standing_event(seq: int = 0, **changes: object) -> StandingEvent:
    return _changed(
        StandingEvent(
            seq=seq,
            at=1000.5 + seq,
            node=NodeId(b"\x07" * 32),
            member=MemberId("m_alice"),
            change=Change.COMPLETED,
            held=10,
            total=100,
            model="smol",
            cause=f"task:{seq:032x}",
        ),
        changes,
    )


def check_row(number: int = 0, **changes: object) -> CheckRow:
    return _changed(
        CheckRow(
            id=f"check-{number}",
            at=1000.5 + number,
            node=NodeId(b"\x07" * 32),
            model="smol",
            kind="known_answer",
            prompt="What is 2 + 2?",
            expected="4",
            got="Four.",
            passed=True,
            why="the number is right",
            references=("4", "It is 4."),
        ),
        changes,
    )


def ledger_row(seq: int = 0, **changes: object) -> LedgerRow:
    body = f'{{"seq":{seq}}}'.encode()
    return _changed(
        LedgerRow(
            seq=seq,
            ts="2026-01-31T23:59:59.999Z",
            key=f"fee:{seq}",
            body=body,
            hash=hashlib.sha256(body).digest(),
        ),
        changes,
    )


def close_row(month: str = "2026-01", **changes: object) -> CloseRow:
    return _changed(
        CloseRow(
            month=month,
            at=2000.5,
            statement=b"statement of " + month.encode(),
            secret=b"\x05" * 32,
            closing=b"{}",
        ),
        changes,
    )


def _changed(row: Row, changes: dict[str, object]) -> Row:

    return msgspec.structs.replace(row, **changes)
