from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clubai.economics.month import DAY_MS
from clubai.economics.verify import verify_statement
from support.api_calls import error_of
from support.asgi_driver import Response, request
from support.books import KEY
from support.treasury import Clock, FakeBooks, money_app, open_treasury

Caller = Callable[..., Any]


class Money:
    """Calls to the routes, by role and name."""

    def __init__(self, app: Any, books: FakeBooks, clock: Clock) -> None:
        self.app = app
        self.books = books
        self.clock = clock

    async def call(
        self, method: str, path: str, json: Any = None, *, who: str = "operator-olga"
    ) -> Response:
        headers = {"authorization": f"Bearer {who}"} if who else {}
        return await request(self.app, method, path, json, headers=headers)


@pytest.fixture
async def money() -> Money:
    books, clock = FakeBooks(), Clock()
    books.work()
    treasury = await open_treasury(books, clock)
    return Money(money_app(treasury, books), books, clock)


def fee(**fields: Any) -> dict[str, Any]:
    return {"member": "bob", "period": "2026-01", "amount_minor": 1000} | fields


async def test_from_a_fee_to_a_payout(money: Money) -> None:
    booked = await money.call("POST", "/api/fees", fee(processor_minor=54))
    assert booked.status == 200
    assert [each["kind"] for each in booked.json()["payments"]] == ["fee", "processor"]
    dry = await money.call("POST", "/api/months/2026-01/close", {"dry_run": True})
    assert (dry.json()["closed"], dry.json()["net"]) == (False, 946)
    assert (await money.call("GET", "/api/months/2026-01/statement")).status == 404
    done = await money.call("POST", "/api/months/2026-01/close", {})
    assert done.json()["closed"]
    assert (await money.call("GET", "/api/months")).json()["months"] == ["2026-01"]

    whole = await money.call("GET", "/api/months/2026-01/statement", who="member-bob")
    mine = await money.call("GET", "/api/months/2026-01/mine", who="member-alice")
    assert verify_statement(whole.body, KEY.key).statement.net == 946
    own = verify_statement(mine.body, KEY.key).own
    assert own is not None
    assert len(own.tasks) == 3

    money.clock.now += 15 * DAY_MS // 1000
    listed = await money.call("GET", "/api/payouts", who="auditor-ann")
    assert listed.body == b"member,amount_minor,currency\nalice,805,EUR\n"
    told = await money.call("GET", "/api/payouts?format=json")
    assert told.json()["payouts"] == [{"member": "alice", "amount_minor": 805}]
    credit = {"period": "2026-03", "amount_minor": 5}
    assert (
        await money.call("POST", "/api/credit", credit, who="member-alice")
    ).status == 200
    paid = {"member": "alice", "amount_minor": 800, "reference": "bank-1"}
    assert (await money.call("POST", "/api/payouts", paid)).status == 200
    left = await money.call("GET", "/api/balance", who="member-alice")
    assert left.json()["balance_minor"] == 0
    ledger = await money.call("GET", "/api/ledger?since=3", who="auditor-ann")
    assert [each["seq"] for each in ledger.json()["entries"]] == [3, 4]
    assert ledger.json()["next"] is None


async def test_a_refund_is_what_is_left_of_the_month(money: Money) -> None:
    await money.call("POST", "/api/fees", fee(member="bob the great", period="2026-02"))

    done = await money.call(
        "POST", "/api/fees/refund", {"member": "bob", "period": "2026-02"}
    )

    assert done.json()["payments"][0]["amount_minor"] == 1000 * 25 // 28
    back = await money.call(
        "POST", "/api/fees/chargeback", fee(period="2026-02", amount_minor=108)
    )
    assert back.status == 200
    own = await money.call("GET", "/api/fees?period=2026-02", who="member-bob")
    assert [p["kind"] for p in own.json()["payments"]] == [
        "fee",
        "refund",
        "chargeback",
    ]


async def test_an_import_is_all_or_nothing(money: Money) -> None:
    header = "member,period,amount_minor,currency,reference,processor_minor\n"
    good = header + "bob,2026-01,1000,EUR,r1,0\nalice the great,2026-01,1000,EUR,r2,0\n"

    bad = await money.call("POST", "/api/fees/import", {"csv": good + "x,y,z,,,\n"})
    assert bad.status == 400
    assert "line 4: member" in error_of(bad)["message"]
    assert money.books.rows == []
    for _ in range(2):
        done = await money.call("POST", "/api/fees/import", {"csv": good})
        assert done.status == 200
    assert len(money.books.rows) == 2


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/fees", fee(member="nobody"), 400),
        ("POST", "/api/fees", fee(amount_minor=0), 400),
        ("POST", "/api/fees", fee(amount_minor=1.5), 400),
        ("POST", "/api/fees", fee(more=1), 400),
        ("POST", "/api/fees/chargeback", fee(period="2026-01/P1Y"), 400),
        ("POST", "/api/fees/refund", {"member": "bob", "period": "2026-01"}, 400),
        ("POST", "/api/months/2026-13/close", {}, 400),
        ("POST", "/api/months/2027-01/close", {}, 400),
        ("GET", "/api/ledger?since=x", None, 400),
        ("GET", "/api/months/2026-01/mine", None, 404),
    ],
)
async def test_what_is_wrong_is_said(
    money: Money, method: str, path: str, body: Any, status: int
) -> None:
    answer = await money.call(method, path, body)

    assert answer.status == status
    error_of(answer)


async def test_strangers_and_members_may_not(money: Money) -> None:
    for who, status in (("", 401), ("member-bob", 403)):
        for path in ("/api/ledger", "/api/payouts"):
            assert (await money.call("GET", path, who=who)).status == status
        done = await money.call("POST", "/api/months/2026-01/close", {}, who=who)
        assert done.status == status
