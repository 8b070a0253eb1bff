from __future__ import annotations

import pytest

from clubai.coordinator.guard import FAMILIAR_LIMIT, Guard
from clubai.errors import RateLimited
from support.clock import Clock

HOME, WORK, EVIL = "192.0.2.1", "192.0.2.2", "203.0.113.9"


def guess(guard: Guard, name: str, address: str, times: int = 100) -> int:
    """Try wrong passwords until one is refused; how many were tried."""
    for done in range(times):
        try:
            guard.take_address(address)
            guard.take_login(name, address)
        except RateLimited:
            return done
    return times


def login(guard: Guard, name: str, address: str) -> None:
    guard.take_address(address)
    guard.take_login(name, address)
    guard.good_login(name, address)


def test_five_tries_for_an_account_and_twenty_from_an_address() -> None:
    guard = Guard(clock=Clock())

    assert guess(guard, "alice", EVIL) == 5
    assert guess(guard, "ALICE", EVIL) == 0
    assert [guess(guard, f"name{n}", WORK, times=3) for n in range(8)] == [
        *[3] * 6,
        2,
        0,
    ]


def test_strangers_share_the_tries_of_an_account() -> None:
    guard = Guard(clock=Clock())
    assert guess(guard, "alice", EVIL, times=3) == 3

    assert guess(guard, "alice", "203.0.113.10") == 2


def test_a_familiar_address_is_not_reached_by_what_strangers_do() -> None:
    clock = Clock()
    guard = Guard(clock=clock)
    login(guard, "alice", HOME)
    for number in range(50):
        guess(guard, "alice", f"203.0.113.{number}")

    login(guard, "Alice", HOME)
    with pytest.raises(RateLimited):
        login(guard, "alice", WORK)


def test_delays_that_double_are_imposed_on_nobody_elsewhere() -> None:
    """Whoever has been guessing for long keeps the owner out for a moment at most."""
    clock = Clock()
    guard = Guard(clock=clock)
    for _ in range(500):
        guess(guard, "alice", EVIL)
        clock.forward(5)
    clock.forward(12)

    login(guard, "alice", WORK)


def test_a_guesser_is_slowed_more_and_more() -> None:
    clock = Clock()
    guard = Guard(clock=clock)
    tried = 0
    for _ in range(3600):
        tried += guess(guard, "alice", EVIL)
        clock.forward(1)

    assert tried == 5 + 9


def test_a_try_that_strangers_used_up_costs_no_try_here() -> None:
    clock = Clock()
    guard = Guard(clock=clock)
    guess(guard, "alice", EVIL)
    for _ in range(20):
        with pytest.raises(RateLimited):
            guard.take_login("alice", WORK)
    clock.forward(60)

    assert guess(guard, "alice", WORK) == 5


def test_good_logins_are_no_guesses_and_have_a_bound_of_their_own() -> None:
    clock = Clock()
    guard = Guard(clock=clock)
    for number in range(100):
        login(guard, f"name{number % 5}", HOME)

    with pytest.raises(RateLimited, match="logins"):
        login(guard, "name0", HOME)
    login(guard, "another", HOME)
    clock.forward(3)
    login(guard, "name0", HOME)


def test_only_so_many_familiar_addresses_are_remembered() -> None:
    guard = Guard(clock=Clock())
    login(guard, "alice", HOME)
    for number in range(FAMILIAR_LIMIT):
        login(guard, f"name{number}", WORK)
    guess(guard, "alice", EVIL)

    with pytest.raises(RateLimited):
        guard.take_login("alice", HOME)


def test_keys_that_are_none_are_counted_by_address_and_by_key() -> None:
    guard = Guard(clock=Clock())
    for number in range(20):
        guard.failed_key(f"key{number:05}", EVIL)
    with pytest.raises(RateLimited, match="address"):
        guard.failed_key("another0", EVIL)
    for number in range(5):
        guard.failed_key("abcdefgh", f"198.51.100.{number}")

    with pytest.raises(RateLimited, match="API key"):
        guard.failed_key("abcdefgh", WORK)
    guard.failed_key("", HOME)


def test_somebody_local_has_tries_enough() -> None:
    guard = Guard(clock=Clock())
    for _ in range(100):
        guard.take_address("")
        guard.give_back_address("")
        guard.failed_key("", "")
