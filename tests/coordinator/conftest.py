"""Passwords cost next to nothing here; `tests/crypto` sees what they do cost."""

from __future__ import annotations

import pytest

from clubai.crypto import passwords


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = "$argon2id$v=19$m=8,t=1,p=1$"
    nobodys = passwords.UNKNOWN_MEMBER_HASH.replace(passwords._PREFIX, prefix)
    monkeypatch.setattr(passwords, "MEMORY_KIB", 8)
    monkeypatch.setattr(passwords, "PASSES", 1)
    monkeypatch.setattr(passwords, "_PREFIX", prefix)
    monkeypatch.setattr("clubai.coordinator.passwords.UNKNOWN_MEMBER_HASH", nobodys)
