"""A club's key log without a network, and what a dishonest club could do with it."""

from __future__ import annotations

from collections.abc import Sequence

from clubai.coordinator.keylog import KeyLog, NotInKeyLog
from clubai.crypto.bundles import Bundle
from clubai.crypto.identity import Identity
from clubai.errors import ConnectFailed
from clubai.storage import MemoryStore
from clubai.storage.keylog import KeyLogRow
from support.bundles import START_MS, identity


class RecklessLog(KeyLog):
    """Logs whatever its nodes have signed."""

    def _admit(self, bundle: Bundle, rows: Sequence[KeyLogRow]) -> None:
        pass


class KeyClub:
    """A log that is read as from afar; `fetched` is every path that was asked for."""

    def __init__(self, log: KeyLog) -> None:
        self.log = log
        self.fetched: list[str] = []
        self.answers: dict[str, bytes] = {}
        """What is answered in place of the truth."""
        self.down = False

    @property
    def key(self) -> bytes:
        return self.log.key

    @property
    def note(self) -> bytes:
        return self.log.checkpoint()

    async def fetch(self, path: str) -> bytes:
        self.fetched.append(path)
        if self.down:
            raise ConnectFailed("http://club/log/", "nobody is there")
        if path in self.answers:
            return self.answers[path]
        try:
            return await self.log.read(path)
        except NotInKeyLog as error:
            raise ConnectFailed("http://club/log/", "status 404", 404) from error

    async def add(self, *bundles: Bundle, own_sig: bytes = b"") -> None:
        for each in bundles:
            await self.log.append_bundle(each.body, each.sig, own_sig)


async def key_club(
    *bundles: Bundle, signer: Identity | None = None, origin: str = "clubai/test"
) -> KeyClub:
    log = await RecklessLog.open(
        MemoryStore(), signer or identity("club"), origin, lambda: START_MS / 1000
    )
    club = KeyClub(log)
    await club.add(*bundles)
    return club
