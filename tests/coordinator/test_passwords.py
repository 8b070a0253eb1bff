from __future__ import annotations

import anyio
import pytest

from clubai.coordinator import passwords as passwords_module
from clubai.coordinator.passwords import (
    HASHES_AT_ONCE,
    Passwords,
    check_name,
    check_password,
    is_possible,
)
from clubai.errors import ConfigError

GOOD = "correct horse"


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [
        ("alice", "short-one", "10 to 256"),
        ("alice", "x" * 257, "10 to 256"),
        ("alice", "Password123", "everybody tries first"),
        ("alice", "i am ALICE too", "must not contain the name"),
        ("Ali", "maliciously", "must not contain the name"),
    ],
)
def test_a_password_that_cannot_be_is_not_shown(
    name: str, password: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        check_password(password, name)

    assert refused.value.field == "password"
    assert password not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "password"),
    [("alice", "x" * 10), ("alice", "x" * 256), ("al", "bald eagles"), ("bob", GOOD)],
)
def test_others_can_be(name: str, password: str) -> None:
    check_name(name)
    check_password(password, name)
    assert is_possible(name, password)


@pytest.mark.parametrize("name", ["", "a", "a" * 65, "a b", "é\n"])
def test_a_name_that_cannot_be(name: str) -> None:
    assert not is_possible(name, GOOD)
    with pytest.raises(ConfigError):
        check_name(name)


async def test_a_password_is_checked_and_renewed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passwords = Passwords()
    phc = await passwords.hash(GOOD)

    assert await passwords.check(phc, GOOD) == (True, None)
    assert await passwords.check(phc, "wrong horse") == (False, None)
    assert await passwords.check(None, GOOD) == (False, None)
    monkeypatch.setattr(passwords_module, "needs_rehash", lambda phc: True)
    good, renewed = await passwords.check(phc, GOOD)
    assert good
    assert renewed is not None
    assert renewed != phc
    assert await passwords.check(phc, "wrong horse") == (False, None)


async def test_so_many_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    lock = threading.Lock()
    now, most = 0, 0
    go_on = threading.Event()

    def slow(password: str) -> str:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
            if now == HASHES_AT_ONCE:
                go_on.set()
        go_on.wait(5)
        with lock:
            now -= 1
        return password

    monkeypatch.setattr(passwords_module, "hash_password", slow)
    passwords = Passwords()
    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(passwords.hash, GOOD)

    assert most == HASHES_AT_ONCE
