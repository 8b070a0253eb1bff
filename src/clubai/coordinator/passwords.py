"""Which names and passwords an account may have, and passwords off the loop."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread

from clubai.crypto.common_passwords import is_common
from clubai.crypto.passwords import (
    UNKNOWN_MEMBER_HASH,
    hash_password,
    needs_rehash,
    verify_password,
)
from clubai.errors import ConfigError

T = TypeVar("T")

PASSWORD_LENGTH: Final = range(10, 257)
HASHES_AT_ONCE: Final = 2
"""Each takes 19 MiB."""

_NAME: Final = re.compile(r"[a-zA-Z0-9._@+-]{2,64}")
_TELLING_NAME: Final = 3
"""A shorter name is in too many passwords to say anything."""


class Passwords:
    """Hashes and checks passwords in threads, `HASHES_AT_ONCE` at the same time."""

    def __init__(self) -> None:
        self._room = CapacityLimiter(HASHES_AT_ONCE)

    async def hash(self, password: str) -> str:
        """Hash a password into a PHC string."""
        return await self._run(lambda: hash_password(password))

    async def check(self, phc: str | None, password: str) -> tuple[bool, str | None]:
        """Tell whether `phc` was made from `password`; without one, at the same cost.

        When it was, and with other parameters than those of today, the second value is
        a new PHC string to keep instead.
        """
        known = UNKNOWN_MEMBER_HASH if phc is None else phc
        good = await self._run(lambda: verify_password(known, password))
        if not good or phc is None:
            return False, None
        return True, await self.hash(password) if needs_rehash(phc) else None

    async def _run(self, job: Callable[[], T]) -> T:
        return await to_thread.run_sync(job, limiter=self._room)


def is_possible(name: str, password: str) -> bool:
    """Tell whether an account can have them: others are never looked up."""
    return bool(_NAME.fullmatch(name)) and len(password) in PASSWORD_LENGTH


def check_name(name: str) -> None:
    """See that an account can have this name. Raises `ConfigError`."""
    if not _NAME.fullmatch(name):
        fix = "use 2 to 64 of the characters a-z A-Z 0-9 . _ @ + -"
        raise ConfigError("name", name[:80], fix)


def check_password(password: str, name: str) -> None:
    """See that the account `name` can have this password. Raises `ConfigError`."""
    shown = f"({len(password)} characters)"
    if len(password) not in PASSWORD_LENGTH:
        fix = f"use {PASSWORD_LENGTH[0]} to {PASSWORD_LENGTH[-1]} characters"
        raise ConfigError("password", shown, fix)
    if is_common(password):
        fix = "it is one of those that everybody tries first, choose another one"
        raise ConfigError("password", shown, fix)
    if len(name) >= _TELLING_NAME and name.casefold() in password.casefold():
        raise ConfigError("password", shown, "it must not contain the name")
