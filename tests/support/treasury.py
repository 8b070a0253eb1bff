"""A treasury over books in memory, and an application that is its routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette

from clubai.coordinator.accounts import Accounts
from clubai.coordinator.audit import AuditLog
from clubai.coordinator.closing import Terms
from clubai.coordinator.grants import Member
from clubai.coordinator.month_routes import MonthRoutes
from clubai.coordinator.treasury import Treasury
from clubai.errors import AuthenticationError
from clubai.model import MemberId, TaskFacts
from clubai.reputation.events import Change, StandingEvent
from clubai.storage.access import AuditRow
from clubai.storage.base import MemberRow
from clubai.storage.books import CloseRow, LedgerRow
from support.small_month import ALICE, BOB, JAN, KEY, NODES, SECRET, event, task

FEBRUARY_4 = JAN.cut_off_ms // 1000


class FakeBooks:
    """Books, members and an audit log in lists."""

    def __init__(self) -> None:
        self.rows: list[LedgerRow] = []
        self.closed: list[CloseRow] = []
        self.done: set[bytes] = set()
        self.tasks: list[TaskFacts] = []
        self.events: list[StandingEvent] = []
        self.audited: list[AuditRow] = []
        self.refuse = False

    async def ledger(self, *, since: int = 0) -> list[LedgerRow]:
        return self.rows[since:]

    async def post(
        self,
        rows: Sequence[LedgerRow],
        *,
        close: CloseRow | None = None,
        settled: Sequence[bytes] = (),
        audit: AuditRow | None = None,
    ) -> bool:
        keys = {row.key for row in self.rows}
        if (
            self.refuse
            or any(row.key in keys for row in rows)
            or [row.seq for row in rows]
            != list(range(len(self.rows), len(self.rows) + len(rows)))
            or self.done & set(settled)
            or (close is not None and close.month in {c.month for c in self.closed})
        ):
            return False
        self.rows += rows
        self.done |= set(settled)
        if close is not None:
            self.closed.append(close)
        if audit is not None:
            self.audited.append(audit)
        return True

    async def closes(self) -> list[CloseRow]:
        return list(self.closed)

    async def settled_tasks(self) -> set[bytes]:
        return set(self.done)

    async def tasks_between(self, start: float, end: float) -> list[TaskFacts]:
        return [each for each in self.tasks if start <= each.ended_at < end]

    async def standing_events(self, *, since: int = 0) -> list[StandingEvent]:
        return self.events[since:]

    async def append_audit(self, row: AuditRow) -> None:
        self.audited.append(row)

    async def members(self) -> list[MemberRow]:
        return [
            MemberRow(
                id=MemberId(name),
                name=f"{name} the great",
                password="",
                role="member",
                created_at=0,
            )
            for name in ("alice", "bob", "carol")
        ]

    async def member(self, member: MemberId) -> MemberRow | None:
        rows = await self.members()
        return next((row for row in rows if row.id == member), None)

    async def member_named(self, name: str) -> MemberRow | None:
        rows = await self.members()
        return next((row for row in rows if row.name == name), None)

    def work(self) -> None:
        """Alice's node does three tasks of bob in January; two count."""
        self.tasks += [task(n, ALICE, BOB) for n in (1, 2)] + [task(3, ALICE, ALICE)]
        self.events += [
            event(0, ALICE, Change.JOINED, points=100, at=JAN.start_ms // 1000),
            event(1, ALICE, Change.COMPLETED, number=1, points=10),
            event(2, ALICE, Change.COMPLETED, number=2, held=10),
        ]


class Clock:
    def __init__(self) -> None:
        self.now: float = FEBRUARY_4

    def __call__(self) -> float:
        return self.now


async def open_treasury(books: Any, clock: Clock, **terms: Any) -> Treasury:
    given = {"pair_cap_bp": 10_000} | terms
    return await Treasury.open(
        books,
        terms=Terms(**given),
        sign=KEY.sign,
        audit=AuditLog(books, clock=clock),
        clock=clock,
        owners=lambda: NODES,
        secret=lambda: SECRET,
    )


class FakeAccounts:
    """Whose token is a role, and a name."""

    async def authenticate(self, bearer: str, _address: str) -> Member:
        role, _, name = (bearer or "").partition("-")
        if not name:
            raise AuthenticationError("nobody")
        return Member(MemberId(name), name, role)  # type: ignore[arg-type]


def money_app(treasury: Treasury, books: FakeBooks) -> Starlette:
    accounts: Accounts = FakeAccounts()  # type: ignore[assignment]
    routes = MonthRoutes(treasury, accounts=accounts, members=books)
    return Starlette(routes=list(routes.routes()))
