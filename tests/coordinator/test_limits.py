from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.coordinator.limits import Bucket, EdgeLimits, Meter, Places, Weighed
from clubai.errors import RateLimited
from clubai.model import MemberId
from clubai.protocol.messages import (
    ClubQuery,
    NodeHeartbeat,
    TaskAssign,
    TaskCancel,
    TaskRecord,
    TaskRequest,
)

TASK = b"t" * 16
REQUEST = TaskRequest(ref=1, model="m", cvk=bytes(32))
CANCEL = TaskCancel(ref=1)
RECORD = TaskRecord(task=TASK, seq=0, ct=b"x")
ALICE, BOB = MemberId("m_alice"), MemberId("m_bob")
SIZE = 100


def meter(**changes: Any) -> Meter:
    return Meter(EdgeLimits(**changes), now=0.0)


def weigh(meter: Meter, message: Any, times: int, now: float = 0.0) -> list[Weighed]:
    return [meter.weigh(message, SIZE, now) for _ in range(times)]


def test_the_defaults_are_the_ones_that_are_documented() -> None:
    limits = EdgeLimits()

    assert (limits.nodes_per_member, limits.clients_per_member) == (50, 20)
    assert limits.connections_per_address == 50
    assert (limits.messages_per_s, limits.messages_burst) == (100, 400)


@pytest.mark.parametrize(
    "wrong", [{"messages_per_s": 0}, {"max_memory_mb": -1}, {"queue_bytes": 0}]
)
def test_a_bound_of_nothing_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EdgeLimits(**wrong)
    EdgeLimits(max_memory_mb=0, slot_messages_per_s=0)


def test_an_unknown_bound_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="messages"):
        msgspec.convert({"messages": 8}, EdgeLimits)


def test_a_bucket_refills_and_does_not_run_over() -> None:
    bucket = Bucket(10.0, 5.0, now=0.0)

    assert [bucket.take(1, 0.0) for _ in range(6)] == [4, 3, 2, 1, 0, -1]
    assert bucket.take(1, 0.1) == pytest.approx(0.0)
    assert bucket.take(1, 100.0) == pytest.approx(4.0)


def test_a_clock_that_stands_or_goes_back_fills_nothing() -> None:
    bucket = Bucket(10.0, 1.0, now=5.0)

    assert bucket.take(1, 5.0) == 0
    assert bucket.take(1, 4.0) == -1
    assert bucket.take(1, 5.0) == -1


@given(
    st.lists(
        st.tuples(
            st.floats(min_value=0, max_value=3), st.floats(min_value=0, max_value=9)
        ),
        max_size=60,
    )
)
def test_no_more_is_taken_than_the_burst_and_the_time_give(
    steps: list[tuple[float, float]],
) -> None:
    bucket, now, taken = Bucket(2.0, 8.0, now=0.0), 0.0, 0.0
    for passed, amount in steps:
        now += passed
        if bucket.take(amount, now) >= 0:
            taken += amount

    assert taken <= 8.0 + 2.0 * now + 1e-6


def test_requests_are_refused_before_the_connection_ends() -> None:
    meter_ = meter(messages_per_s=10, messages_burst=40)

    answers = weigh(meter_, REQUEST, 90)

    assert answers[:40] == [Weighed.TAKE] * 40
    assert answers[40:80] == [Weighed.SHED] * 40
    assert answers[80:] == [Weighed.END] * 10


def test_a_refused_request_is_told_how_long_to_wait() -> None:
    meter_ = meter(messages_per_s=10, messages_burst=40)
    weigh(meter_, REQUEST, 50)

    assert meter_.retry_after_s == pytest.approx(1.0)
    assert weigh(meter_, REQUEST, 1, now=2.0) == [Weighed.TAKE]


def test_what_a_request_entails_is_free() -> None:
    meter_ = meter(messages_per_s=10, messages_burst=40)
    assign = TaskAssign(
        task=TASK, body=b"", sig=bytes(64), enc_head=bytes(176), commit=bytes(32)
    )

    for _ in range(40):
        assert weigh(meter_, REQUEST, 1) == [Weighed.TAKE]
        assert weigh(meter_, assign, 1) == [Weighed.TAKE]
    assert weigh(meter_, REQUEST, 1) == [Weighed.SHED]


def test_a_flood_of_anything_else_ends_the_connection() -> None:
    answers = weigh(meter(messages_per_s=10, messages_burst=40), CANCEL, 81)

    assert answers == [Weighed.TAKE] * 80 + [Weighed.END]


def test_a_snapshot_counts_for_many_messages() -> None:
    answers = weigh(meter(), ClubQuery(ref=1, what="snapshot"), 41)

    assert answers == [Weighed.TAKE] * 40 + [Weighed.END]
    assert weigh(meter(), ClubQuery(ref=1, what="models"), 41)[-1] is Weighed.TAKE


def test_records_count_by_bytes_and_cost_only_their_task() -> None:
    meter_ = meter(bytes_per_s=4096, bytes_burst=8192, messages_burst=1)

    assert weigh(meter_, RECORD, 3) == [Weighed.TAKE, Weighed.TAKE, Weighed.SHED]
    assert weigh(meter_, RECORD, 2, now=1.0) == [Weighed.TAKE, Weighed.SHED]
    assert meter_.weigh(RECORD, 8192, 3.0) is Weighed.TAKE


def test_control_messages_count_by_bytes_too() -> None:
    meter_ = meter(bytes_per_s=10, bytes_burst=150)

    assert weigh(meter_, CANCEL, 2) == [Weighed.TAKE, Weighed.END]
    assert weigh(meter(bytes_per_s=10, bytes_burst=150), REQUEST, 2)[1] is Weighed.END


@pytest.mark.parametrize(("slots", "most"), [(64, 13_600), (65_535, 52_000)])
def test_a_node_with_slots_may_say_more(slots: int, most: int) -> None:
    meter_ = meter()
    assert weigh(meter_, NodeHeartbeat(slots=slots), 1) == [Weighed.TAKE]

    answers = weigh(meter_, CANCEL, most)

    assert answers[-2:] == [Weighed.TAKE, Weighed.END]


def test_a_node_that_has_fewer_slots_now_may_say_less() -> None:
    meter_ = meter()
    weigh(meter_, NodeHeartbeat(slots=64), 1)
    weigh(meter_, NodeHeartbeat(slots=0), 1)

    assert weigh(meter_, CANCEL, 801)[-2:] == [Weighed.END] * 2


def test_a_member_has_places_of_each_kind() -> None:
    places = Places(EdgeLimits(clients_per_member=1, nodes_per_member=1))

    with places.place() as place, places.place() as other, places.place() as third:
        place.take("clients", ALICE, "127.0.0.1")
        other.take("nodes", ALICE, "127.0.0.1")
        third.take("clients", BOB, "127.0.0.1")
        for kind in ("clients", "nodes"):
            with places.place() as more, pytest.raises(RateLimited, match=kind):
                more.take(kind, ALICE, "127.0.0.1")
    with places.place() as place:
        place.take("clients", ALICE, "127.0.0.1")


def test_an_address_has_places_for_all_its_members() -> None:
    places = Places(EdgeLimits(connections_per_address=1))

    with places.place() as place:
        place.take("clients", ALICE, "2001:db8::1")
        with places.place() as more, pytest.raises(RateLimited, match="address"):
            more.take("nodes", BOB, "2001:db8::2")
        with places.place() as more:
            more.take("nodes", BOB, "192.0.2.1")


def test_a_place_that_was_refused_is_not_held() -> None:
    places = Places(EdgeLimits(connections_per_address=1, clients_per_member=1))
    with places.place() as place:
        place.take("clients", ALICE, "192.0.2.1")
        with places.place() as more, pytest.raises(RateLimited):
            more.take("clients", BOB, "192.0.2.1")
        with places.place() as more:
            more.take("clients", BOB, "192.0.2.2")


@pytest.mark.parametrize(("counted", "taken"), [(False, 3), (True, 1)])
def test_this_machine_is_counted_only_if_asked_for(counted: bool, taken: int) -> None:
    places = Places(EdgeLimits(connections_per_address=1, count_loopback=counted))
    open_ = [places.place() for _ in range(3)]

    got = 0
    for number, place in enumerate(open_):
        try:
            place.take("clients", MemberId(f"m_{number}"), "127.0.0.1")
        except RateLimited:
            continue
        got += 1

    assert got == taken
