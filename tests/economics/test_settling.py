from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.economics.month import Period
from clubai.economics.ratecard import CARD_1
from clubai.economics.settling import Item, Status, settle, settled_by
from clubai.model import TaskFacts
from clubai.reputation.events import Change, StandingEvent
from support.books import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    JAN,
    NODE_OF,
    NODES,
    event,
    task,
)

FULL = 3_567_750
DAY = 86_400


def settled(
    tasks: list[TaskFacts],
    events: list[StandingEvent],
    *,
    period: Period = JAN,
    before: tuple[bytes, ...] = (),
    pair_cap_bp: int = 10_000,
) -> dict[int, Item]:
    items = settle(
        tasks,
        owners=NODES,
        events=events,
        settled=before,
        period=period,
        card=CARD_1,
        pair_cap_bp=pair_cap_bp,
    )
    return {each.task[0]: each for each in items}


def held(seq: int, number: int) -> StandingEvent:
    return event(seq, ALICE, Change.COMPLETED, number=number, held=10)


def test_what_was_verified_is_paid() -> None:
    done = event(0, ALICE, Change.COMPLETED, number=1, points=10)

    item = settled([task(1, ALICE, BOB)], [done])[1]

    assert (item.status, item.wu, item.owner, item.asker) == (
        Status.PAID,
        FULL,
        ALICE,
        BOB,
    )


def test_own_failed_and_unjudged_tasks_are_not() -> None:
    events = [event(0, ALICE, Change.COMPLETED, number=1, points=10)]

    found = settled(
        [
            task(1, ALICE, ALICE),
            task(2, ALICE, BOB),
            task(3, BOB, CAROL, state="failed"),
        ],
        events,
    )

    assert [found[n].status for n in (1, 2, 3)] == ["own", "held", "unfinished"]
    assert [found[n].wu for n in (1, 2, 3)] == [0, 0, 0]
    assert settled_by(found.values()) == (found[1].task,)


@pytest.mark.parametrize(
    ("later", "status"),
    [
        ([], Status.HELD),
        ([event(5, ALICE, Change.RELEASED)], Status.PAID),
        ([event(5, BOB, Change.RELEASED)], Status.HELD),
        ([event(5, ALICE, Change.VOIDED)], Status.VOID),
        (
            [event(5, ALICE, Change.VOIDED), event(6, ALICE, Change.RELEASED)],
            Status.VOID,
        ),
        (
            [event(5, ALICE, Change.RELEASED), event(6, ALICE, Change.VOIDED)],
            Status.PAID,
        ),
        ([event(5, ALICE, Change.INVALID, number=1)], Status.VOID),
        (
            [
                event(5, ALICE, Change.INVALID, number=1),
                event(6, ALICE, Change.RELEASED),
            ],
            Status.VOID,
        ),
        ([event(0, ALICE, Change.RELEASED)], Status.HELD),
    ],
)
def test_escrow(later: list[StandingEvent], status: Status) -> None:
    item = settled([task(1, ALICE, BOB)], [held(1, 1), *later])[1]

    assert item.status is status
    assert item.wu == (FULL if status is Status.PAID else 0)


def test_releases_are_of_the_oldest_that_are_held() -> None:
    fast = event(2, ALICE, Change.FAST, number=1, held=5)
    events = [held(1, 1), fast, held(3, 2), held(4, 3)]
    tasks = [task(n, ALICE, BOB) for n in (1, 2, 3)]

    def statuses(*later: StandingEvent) -> list[str]:
        return [each.status for each in settled(tasks, [*events, *later]).values()]

    two = event(5, ALICE, Change.RELEASED, count=2)
    assert statuses(two) == ["paid", "held", "held"]
    assert statuses(two, event(6, ALICE, Change.VOIDED, count=2)) == [
        "paid",
        "void",
        "void",
    ]
    assert statuses(event(5, ALICE, Change.RELEASED, count=9)) == ["paid"] * 3


def test_what_is_known_after_the_cut_off_is_an_adjustment() -> None:
    cut_off = JAN.cut_off_ms // 1000
    tasks = [task(1, ALICE, BOB)]
    in_time = event(2, ALICE, Change.RELEASED, at=cut_off - 1)
    late = event(2, ALICE, Change.RELEASED, at=cut_off)

    assert settled(tasks, [held(1, 1), in_time])[1].status is Status.PAID
    assert settled(tasks, [held(1, 1), late])[1].status is Status.HELD
    item = settled(tasks, [held(1, 1), late], period=JAN.plus(1))[1]
    assert (item.status, item.month) == (Status.PAID, "2026-01")


def test_what_was_settled_or_ended_later_is_left_out() -> None:
    tasks = [task(1, ALICE, BOB), task(2, ALICE, BOB, at=JAN.end_ms // 1000)]

    assert settled(tasks, [], before=(tasks[0].id,)) == {}


def test_a_pair_is_capped_and_the_club_is_not() -> None:
    members = (BOB, CAROL, DAVE, "club")
    tasks = [task(n, ALICE, who) for n, who in enumerate(members, 1)]  # type: ignore[arg-type]
    events = [
        event(n, ALICE, Change.COMPLETED, number=n, points=10) for n in range(1, 5)
    ]

    found = settled(tasks, events, pair_cap_bp=2000)

    capped = FULL * 4 * 2000 // 10_000
    assert [found[n].wu for n in range(1, 5)] == [capped] * 3 + [FULL]
    assert [found[n].status for n in range(1, 5)] == ["capped"] * 3 + ["paid"]
    assert len(settled_by(found.values())) == 4


def test_who_owned_the_node_then_is_paid() -> None:
    moved = {NODE_OF[ALICE]: BOB}
    done = event(0, ALICE, Change.COMPLETED, number=1, points=10)

    (item,) = settle(
        [task(1, ALICE, CAROL)],
        owners=moved,
        events=[done],
        settled=(),
        period=JAN,
        card=CARD_1,
    )

    assert item.owner == ALICE


@given(st.randoms(use_true_random=False))
def test_the_order_is_nothing(random: Random) -> None:
    tasks = [task(n, ALICE, who) for n, who in enumerate((BOB, CAROL, ALICE), 1)]
    events = [held(1, 1), held(2, 2), event(3, ALICE, Change.RELEASED)]
    expected = settled(tasks, events)
    random.shuffle(tasks)
    random.shuffle(events)

    assert list(settled(tasks, events).items()) == list(expected.items())
