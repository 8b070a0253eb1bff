from __future__ import annotations

from collections.abc import Iterator

import pytest

from clubai.economics.metering import Standing
from clubai.economics.month import DAY_MS, Period
from clubai.model import CLUB_ID, MemberId, NodeId
from clubai.reputation.events import Change, StandingEvent
from clubai.reputation.record import Record
from clubai.sim.paying import FEE, Answered, Till
from clubai.sim.seats import member_id, node_id
from clubai.sim.work import size

JANUARY = Period(2026, 1)
SIZE = size(800, 300)
START = JANUARY.start_ms / 1000
DAY = DAY_MS / 1000
ENDS = JANUARY.end_ms / 1000


class Books:
    """A till with two nodes, and the events that a judge would give."""

    def __init__(self, *, by_points: bool = False) -> None:
        self.till = Till(JANUARY, by_points=by_points)
        self.records = [
            Record(
                node=node_id(n),
                member=member_id(n),
                points=1500,
                first_at=START,
                probation_since=START,
            )
            for n in (1, 2)
        ]
        self.held = [0, 0]
        self._numbers: Iterator[int] = iter(range(1, 10_000))
        self._tasks: Iterator[int] = iter(range(1, 10_000))

    def work(
        self, place: int, at: float, *, asker: str = "", held: bool = True
    ) -> None:
        record, number = self.records[place], next(self._tasks)
        asked_by = MemberId(asker or f"m_{number % 30}")
        task = number.to_bytes(16, "big")
        self.till.answered(
            Answered(task, record.node, asked_by, at, SIZE.prompt, SIZE.answer)
        )
        points = {"held": 10} if held else {"points": 10}
        self.held[place] += held
        self._event(place, at, Change.COMPLETED, cause=f"task:{task.hex()}", **points)

    def release(self, place: int, at: float) -> None:
        self._let_go(place, at, Change.RELEASED)
        self.till.settle(self.records[place])

    def void(self, place: int, at: float) -> None:
        self._let_go(place, at, Change.VOIDED)
        self.till.settle(self.records[place])

    def _let_go(self, place: int, at: float, change: Change) -> None:
        self._event(place, at, change, count=self.held[place])
        self.held[place] = 0

    def end_january(self) -> None:
        self.till.end_month(self.records, ENDS, members=2)

    def credit(self) -> list[int]:
        return [self.till.credit.get(each.member, 0) for each in self.records]

    def _event(
        self, place: int, at: float, change: Change, *, cause: str = "", **points: int
    ) -> None:
        record = self.records[place]
        self.till.heard(
            StandingEvent(
                seq=next(self._numbers),
                at=at,
                node=record.node,
                member=record.member,
                change=change,
                cause=cause,
                **points,
            )
        )


def test_released_work_shares_the_pool() -> None:
    books = Books()
    for n in range(90):
        books.work(0 if n % 3 else 1, START + n)
    books.release(0, START + DAY)
    books.release(1, START + DAY)
    books.end_january()

    books.till.close(ENDS + 4 * DAY)

    pool = 2 * FEE * 85 // 100
    assert books.credit() == pytest.approx([pool * 2 / 3, pool / 3], abs=1)
    assert sum(books.credit()) == pool
    (closed,) = books.till.closes
    assert (closed.month, closed.pool, closed.carry) == ("2026-01", pool, 0)


def test_voided_work_is_not_paid() -> None:
    books = Books()
    for n in range(20):
        books.work(n % 2, START + n)
    books.void(0, START + DAY)
    books.release(1, START + DAY)
    books.end_january()

    books.till.close(ENDS + 4 * DAY)

    assert books.credit()[0] == 0
    assert books.credit()[1] == 1700


def test_nothing_is_closed_before_its_cut_off() -> None:
    books = Books()
    books.work(0, START)
    books.end_january()

    books.till.close(ENDS + 2.9 * DAY)

    assert books.till.closes == []


def test_what_is_held_over_the_cut_off_is_paid_in_the_next_month() -> None:
    books = Books()
    for n in range(10):
        books.work(0, START + n)
        books.work(1, START + n)
    books.release(1, START + DAY)
    books.end_january()
    books.till.close(ENDS + 3 * DAY)
    assert books.credit() == [0, 1700]

    books.release(0, ENDS + 5 * DAY)
    books.till.end_month(books.records, Period(2026, 2).end_ms / 1000, members=2)
    books.till.close_rest()

    assert books.credit() == [1700, 1700]


@pytest.mark.parametrize("tasks", [30, 63, 64, 65, 200])
def test_settling_in_parts_pays_what_settling_at_once_pays(tasks: int) -> None:
    """Between closes only nodes with much work are settled."""

    def paid(*, often: bool) -> list[int]:
        books = Books()
        for n in range(tasks):
            books.work(0, START + n, asker="m_a" if n % 2 else "")
            books.work(1, START + n)
            if often:
                books.release(0, START + n)
        books.release(0, START + DAY)
        books.release(1, START + DAY)
        books.end_january()
        books.till.close_rest()
        return books.credit()

    assert paid(often=True) == paid(often=False)


def test_one_asker_brings_a_node_no_more_than_a_fifth() -> None:
    books = Books()
    for n in range(100):
        books.work(0, START + n, asker="m_a")
        books.work(1, START + n, asker=CLUB_ID)
    books.release(0, START + DAY)
    books.release(1, START + DAY)
    books.end_january()
    books.till.close_rest()

    assert books.credit() == pytest.approx([1700 / 6, 1700 * 5 / 6], abs=1)


def test_suspended_nodes_are_paid_nothing() -> None:
    books = Books()
    for n in range(20):
        books.work(n % 2, START + n)
    for place in (0, 1):
        books.release(place, START + DAY)
    books.records[0].suspended_until = ENDS + DAY
    books.end_january()
    books.till.close_rest()

    assert Standing(suspended=True).multiplier_bp == 0
    assert books.credit() == [0, 1700]


def test_as_asked_the_pool_is_shared_by_points() -> None:
    books = Books(by_points=True)
    books.records[0].points, books.records[1].points = 300, 100
    books.work(1, START)
    books.end_january()
    books.till.close_rest()

    assert books.credit() == [1275, 425]


def test_fees_for_new_names_are_in_the_pool() -> None:
    books = Books(by_points=True)
    books.till.took_fee(START)
    books.end_january()
    books.till.close_rest()

    assert sum(books.credit()) == 3 * FEE * 85 // 100


def test_without_work_the_pool_is_carried() -> None:
    books = Books()
    books.end_january()
    books.till.end_month(books.records, Period(2026, 2).end_ms / 1000, members=2)
    books.till.close_rest()

    assert [(each.pool, each.carry) for each in books.till.closes] == [
        (1700, 1700),
        (3400, 3400),
    ]


def test_unknown_nodes_are_no_matter() -> None:
    books = Books()
    stranger = Record(
        node=NodeId(bytes(32)),
        member=MemberId("m_x"),
        first_at=START,
        probation_since=START,
    )

    books.till.settle(stranger)
    books.end_january()
    books.till.close_rest()

    assert books.credit() == [0, 0]
