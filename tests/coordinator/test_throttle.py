from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.coordinator.throttle import LONGEST_DELAY_S, Tries, address_key
from clubai.errors import RateLimited
from support.clock import Clock


def tries(
    clock: Clock, *, per_minute: int = 5, limit: int = 4096, doubling: bool = False
) -> Tries:
    return Tries(
        "tries", per_minute=per_minute, clock=clock, limit=limit, doubling=doubling
    )


def taken(bucket: Tries, key: str) -> int:
    count = 0
    while count < 1000:
        try:
            bucket.take(key)
        except RateLimited:
            break
        count += 1
    return count


def wait_of(bucket: Tries, key: str) -> float:
    with pytest.raises(RateLimited) as refused:
        bucket.take(key)
    return refused.value.retry_after


def test_tries_run_out_for_one_key_alone() -> None:
    bucket = tries(Clock())

    assert taken(bucket, "alice") == 5
    assert taken(bucket, "bob") == 5


def test_refusal_says_when_the_next_try_is_there() -> None:
    clock = Clock()
    bucket = tries(clock)
    taken(bucket, "alice")

    assert wait_of(bucket, "alice") == pytest.approx(12.0)

    clock.forward(11.9)
    wait = wait_of(bucket, "alice")
    assert wait == pytest.approx(0.1)
    clock.forward(wait + 1e-6)
    bucket.take("alice")


@pytest.mark.parametrize("doubling", [False, True])
def test_tries_are_not_saved_up_beyond_a_minute(doubling: bool) -> None:
    clock = Clock()
    bucket = tries(clock, doubling=doubling)
    bucket.take("alice")
    clock.forward(86_400)

    assert taken(bucket, "alice") == 5


def test_clock_that_goes_back_takes_nothing_away() -> None:
    clock = Clock()
    bucket = tries(clock)
    bucket.take("alice")
    clock.forward(-3600)

    assert taken(bucket, "alice") == 4


@pytest.mark.parametrize("doubling", [False, True])
def test_good_try_is_given_back(doubling: bool) -> None:
    bucket = tries(Clock(), doubling=doubling)
    for _ in range(20):
        bucket.take("alice")
        bucket.give_back("alice")
    bucket.give_back("alice")
    bucket.give_back("nobody")

    assert taken(bucket, "alice") == 5


def test_only_the_latest_keys_are_remembered() -> None:
    bucket = tries(Clock(), per_minute=1, limit=2)
    for key in ("a", "b", "c"):
        bucket.take(key)

    assert [taken(bucket, key) for key in ("c", "b")] == [0, 0]
    assert taken(bucket, "a") == 1


@given(st.lists(st.floats(0, 90), min_size=1, max_size=40))
def test_no_minute_has_more_than_twice_the_tries(pauses: list[float]) -> None:
    clock = Clock()
    bucket = tries(clock)
    granted: list[float] = []
    for pause in pauses:
        clock.forward(pause)
        granted += [clock.now] * taken(bucket, "alice")

    for start in granted:
        assert sum(start <= at < start + 60 for at in granted) <= 10


def test_the_delay_doubles_up_to_a_quarter_of_an_hour() -> None:
    clock = Clock()
    bucket = tries(clock, doubling=True)
    taken(bucket, "alice")
    waits = []
    for _ in range(9):
        wait = wait_of(bucket, "alice")
        waits.append(round(wait))
        clock.forward(wait + 1e-6)
        bucket.take("alice")

    assert waits == [12, 24, 48, 96, 192, 384, 768, 900, 900]


def test_asking_within_the_delay_does_not_lengthen_it() -> None:
    clock = Clock()
    bucket = tries(clock, doubling=True)
    taken(bucket, "alice")

    for passed in range(12):
        assert wait_of(bucket, "alice") == pytest.approx(12 - passed)
        clock.forward(1)

    bucket.take("alice")


def test_a_quarter_of_an_hour_of_rest_ends_the_delay() -> None:
    clock = Clock()
    bucket = tries(clock, doubling=True)
    taken(bucket, "alice")
    wait = wait_of(bucket, "alice")

    clock.forward(wait + LONGEST_DELAY_S - 1)
    assert taken(bucket, "alice") == 1
    clock.forward(24 + LONGEST_DELAY_S)
    assert taken(bucket, "alice") == 5


def test_a_good_try_within_a_delay_does_not_double_it() -> None:
    clock = Clock()
    bucket = tries(clock, doubling=True)
    taken(bucket, "alice")
    clock.forward(wait_of(bucket, "alice") + 1e-6)
    for _ in range(5):
        bucket.take("alice")
        bucket.give_back("alice")

    bucket.take("alice")

    assert wait_of(bucket, "alice") == pytest.approx(24)


def test_whoever_is_forgiven_begins_anew() -> None:
    bucket = tries(Clock(), doubling=True)
    taken(bucket, "alice")
    taken(bucket, "alice")

    bucket.forgive("alice")
    bucket.forgive("nobody")

    assert taken(bucket, "alice") == 5


@given(st.lists(st.floats(0, 2000), min_size=1, max_size=60))
def test_nobody_is_locked_out_for_longer_than_the_longest_delay(
    pauses: list[float],
) -> None:
    clock = Clock()
    bucket = tries(clock, doubling=True)
    for pause in pauses:
        clock.forward(pause)
        taken(bucket, "alice")

    clock.forward(LONGEST_DELAY_S + 1e-6)

    bucket.take("alice")


@given(st.lists(st.floats(0, 100), min_size=40, max_size=80))
def test_a_guesser_gets_few_tries_in_a_day(pauses: list[float]) -> None:
    """Whatever the rhythm: ten bursts of a full bucket in three hours at the most."""
    clock = Clock()
    bucket, start, granted = tries(clock, doubling=True), clock.now, 0
    while clock.now < start + 3 * 3600:
        for pause in pauses:
            granted += taken(bucket, "alice")
            clock.forward(pause + 1)

    assert granted <= 5 * 12


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("testclient", "unix", False),
    ],
)
def test_addresses_of_one_somebody(one: str, other: str, same: bool) -> None:
    assert (address_key(one) == address_key(other)) is same
