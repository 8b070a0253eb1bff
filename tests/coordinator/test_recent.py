from __future__ import annotations

import math

from clubai.coordinator.recent import Recent
from support.clock import Clock


def recent(clock: Clock, *, limit: int = 100) -> Recent[str]:
    return Recent(clock=clock, seconds=30.0, limit=limit)


def put(found: Recent[str], secret: str, value: str, until: float = math.inf) -> None:
    found.put(secret, value, until=until, generation=found.generation)


def test_found_is_remembered_for_its_time() -> None:
    clock = Clock()
    found = recent(clock)
    put(found, "secret", "alice")

    clock.forward(29.9)
    assert found.get("secret") == "alice"
    assert found.get("Secret") is None
    clock.forward(0.1)
    assert found.get("secret") is None
    assert len(found) == 0


def test_nothing_is_remembered_beyond_its_own_end() -> None:
    clock = Clock()
    found = recent(clock)
    put(found, "secret", "alice", until=clock.now + 5)

    clock.forward(5)
    assert found.get("secret") is None


def test_reading_does_not_make_it_last() -> None:
    clock = Clock()
    found = recent(clock)
    put(found, "secret", "alice")
    for _ in range(3):
        clock.forward(10)
        found.get("secret")

    assert found.get("secret") is None


def test_only_the_latest_are_remembered() -> None:
    found = recent(Clock(), limit=2)
    for secret in ("a", "b", "a", "c"):
        put(found, secret, secret)

    assert [found.get(secret) for secret in ("a", "b", "c")] == ["a", None, "c"]
    assert len(found) == 2


def test_forgotten_is_gone_and_the_rest_stays() -> None:
    found = recent(Clock())
    put(found, "1", "alice")
    put(found, "2", "bob")

    found.forget(lambda value: value == "alice")

    assert found.get("1") is None
    assert found.get("2") == "bob"


def test_look_up_that_began_before_forgetting_is_not_remembered() -> None:
    found = recent(Clock())
    began = found.generation
    found.forget(lambda value: value == "alice")

    found.put("1", "alice", until=math.inf, generation=began)

    assert found.get("1") is None


def test_secrets_are_not_held() -> None:
    found = recent(Clock())
    put(found, "cak_very_secret", "alice")

    assert "cak_very_secret" not in repr(vars(found))
