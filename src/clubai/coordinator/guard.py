"""What slows guessing down without locking anybody out.

Tries are counted for each address, for each account from one address, and for each
account from all strangers together. The delays that double belong to an address, so
that nobody can impose them on somebody elsewhere. An address from which a member has
logged in before is no stranger: what others do to the account does not reach it.
Keys and tokens of 256 random bits cannot be guessed; their failures are counted, and a
good one always gets through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from clubai.coordinator.throttle import Tries, address_key
from clubai.errors import RateLimited
from clubai.storage.base import name_key

TRIES_PER_ACCOUNT: Final = 5
TRIES_PER_ADDRESS: Final = 20
LOGINS_PER_MINUTE: Final = 20
"""Of one account from one address, good ones too: each costs a hash."""
FAMILIAR_LIMIT: Final = 4096


class Guard:
    """Counts the tries of one coordinator's callers, in memory."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._addresses = Tries(
            "tries from this address",
            per_minute=TRIES_PER_ADDRESS,
            clock=clock,
            doubling=True,
        )
        self._here = Tries(
            "tries for this account",
            per_minute=TRIES_PER_ACCOUNT,
            clock=clock,
            doubling=True,
        )
        self._accounts = Tries(
            "tries for this account", per_minute=TRIES_PER_ACCOUNT, clock=clock
        )
        self._logins = Tries(
            "logins to this account", per_minute=LOGINS_PER_MINUTE, clock=clock
        )
        self._keys = Tries(
            "tries for this API key", per_minute=TRIES_PER_ACCOUNT, clock=clock
        )
        self._familiar: dict[str, None] = {}

    def take_address(self, address: str) -> None:
        """Use a try of `address`; empty: somebody local, who has enough.

        Raises:
            RateLimited: none is left.
        """
        if address:
            self._addresses.take(address_key(address))

    def give_back_address(self, address: str) -> None:
        """Return the last try of `address`: it was a good one."""
        if address:
            self._addresses.give_back(address_key(address))

    def take_login(self, name: str, address: str) -> None:
        """Use a try of the account `name` from `address`; refused, it costs nothing.

        Raises:
            RateLimited: none is left.
        """
        here = _place(name, address)
        self._logins.take(here)
        self._here.take(here)
        if here in self._familiar:
            return
        try:
            self._accounts.take(name_key(name))
        except RateLimited:
            self._here.give_back(here)
            raise

    def good_login(self, name: str, address: str) -> None:
        """The last try was good: it was no guess, and the address is familiar now."""
        here = _place(name, address)
        self.give_back_address(address)
        self._here.forgive(here)
        if here not in self._familiar:
            self._accounts.give_back(name_key(name))
        self._familiar.pop(here, None)
        self._familiar[here] = None
        if len(self._familiar) > FAMILIAR_LIMIT:
            del self._familiar[next(iter(self._familiar))]

    def failed_key(self, key_id: str, address: str) -> None:
        """Count an API key or token that was not good.

        Args:
            key_id: Public id that it names; empty when it names none.
            address: Where it came from.

        Raises:
            RateLimited: too many were not good.
        """
        self.take_address(address)
        if key_id:
            self._keys.take(key_id)


def _place(name: str, address: str) -> str:
    return f"{address_key(address)} {name_key(name)}"
