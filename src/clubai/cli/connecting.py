"""A command's connection to a club: sealed, and with what this user has pinned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from clubai.cli.pinned import pins_file
from clubai.cli.place import Place
from clubai.client import Client
from clubai.client.client import wall_clock_ms
from clubai.client.pins import Pins
from clubai.client.trust import Trust


def trust_for(url: str) -> Trust:
    """What this user remembers of the club at `url`, and asks of its nodes.

    Raises:
        ConfigError, StorageError: the file cannot be used; it says what to do.
    """
    return Trust(Pins.load(pins_file(url)), clock_ms=wall_clock_ms)


@asynccontextmanager
async def open_client(place: Place) -> AsyncIterator[Client]:
    """Connect to a club as this user.

    Raises as `Client.connect` and `trust_for`.
    """
    trust = trust_for(place.url)
    async with Client.connect(place.url, place.api_key, trust=trust) as client:
        yield client
