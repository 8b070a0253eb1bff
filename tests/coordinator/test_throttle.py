from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.coordinator.throttle import Tries, address_key
from clubai.errors import RateLimited
from support.clock import Clock


def tries(clock: Clock, *, per_minute: int = 5, limit: int = 4096) -> Tries:
    return Tries("tries", per_minute=per_minute, clock=clock, limit=limit)


def taken(bucket: Tries, key: str) -> int:
    count = 0
    while count < 1000:
        try:
            bucket.take(key)
        except RateLimited:
            break
        count += 1
    return count


def test_tries_run_out_for_one_key_alone() -> None:
    bucket = tries(Clock())

    assert taken(bucket, "alice") == 5
    assert taken(bucket, "bob") == 5


def test_refusal_says_when_the_next_try_is_there() -> None:
    clock = Clock()
    bucket = tries(clock)
    taken(bucket, "alice")

    with pytest.raises(RateLimited) as refused:
        bucket.take("alice")
    assert refused.value.retry_after == pytest.approx(12.0)

    clock.forward(11.9)
    with pytest.raises(RateLimited) as refused:
        bucket.take("alice")
    assert refused.value.retry_after == pytest.approx(0.1)
    clock.forward(refused.value.retry_after + 1e-6)
    bucket.take("alice")


def test_tries_are_not_saved_up_beyond_a_minute() -> None:
    clock = Clock()
    bucket = tries(clock)
    bucket.take("alice")
    clock.forward(86_400)

    assert taken(bucket, "alice") == 5


def test_clock_that_goes_back_takes_nothing_away() -> None:
    clock = Clock()
    bucket = tries(clock)
    bucket.take("alice")
    clock.forward(-3600)

    assert taken(bucket, "alice") == 4


def test_good_try_is_given_back() -> None:
    bucket = tries(Clock())
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
