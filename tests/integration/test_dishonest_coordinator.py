"""A coordinator on a real socket that lies about keys: each lie has its own error."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from clubai.agent.audit import Alarm, Audit
from clubai.client.pins import Pins
from clubai.client.trust import Trust
from clubai.club import Served, serve_coordinator
from clubai.coordinator.config import CoordinatorConfig
from clubai.coordinator.keylog import KeyLog
from clubai.crypto.bundles import Bundle
from clubai.crypto.keytext import read_key
from clubai.errors import TrustError
from clubai.model import TrustCode
from clubai.protocol.keylog import CLUB_KEY_PATH, LOG_PREFIX, ClubKey, read_json
from clubai.storage import MemoryStore
from clubai.transport.fetch import http_fetch
from support.bundles import START_MS, bundle

ATTIC, CELLAR = bundle("attic"), bundle("cellar")
NEWER = bundle("attic", 1, nbf_ms=START_MS)


class Member:
    """A client of that coordinator, with its pins on disk."""

    def __init__(self, served: Served, path: Path) -> None:
        self.served = served
        self.path = path
        self.restart()

    def restart(self) -> None:
        """Remember only what is on disk."""
        self.trust = Trust(Pins.load(self.path), clock_ms=lambda: START_MS)
        self.fetch = http_fetch(self.served.url + LOG_PREFIX)

    async def pin(self) -> None:
        told = await http_fetch(self.served.url)(CLUB_KEY_PATH)
        self.trust.pin_coordinator(read_key(read_json(told, ClubKey).key, "key"))

    async def examine(self, shown: Bundle) -> None:
        """What a client does with the bundle of an assignment."""
        note = await self.fetch("checkpoint")
        await self.trust.examine(shown, b"", note, self.fetch)

    async def refuses(self, shown: Bundle) -> TrustCode:
        with pytest.raises(TrustError) as refused:
            await self.examine(shown)
        return refused.value.code


@asynccontextmanager
async def coordinator(data: Path, *bundles: Bundle) -> AsyncIterator[Served]:
    async with anyio.create_task_group() as tasks:
        config = CoordinatorConfig(port=0, data=data, shutdown_s=0.05)
        served: Served = await tasks.start(serve_coordinator, config)
        for each in bundles:
            await served.coordinator.keylog.append_bundle(each.body, each.sig)
        yield served
        tasks.cancel_scope.cancel()


async def show_another_log(served: Served, *bundles: Bundle) -> KeyLog:
    """Sign and serve a second log, with the same key and name."""
    honest = served.coordinator.keylog
    other = await KeyLog.open(
        MemoryStore(), served.coordinator.identity, honest.origin, lambda: 0.0
    )
    for each in bundles:
        await other.append_bundle(each.body, each.sig)
    served.coordinator.keylog = other
    return honest


async def test_an_honest_one_is_trusted_through_restarts(tmp_path: Path) -> None:
    data, path = tmp_path / "club", tmp_path / "club.json"
    async with coordinator(data, ATTIC, CELLAR) as served:
        member = Member(served, path)
        await member.pin()
        await member.examine(ATTIC)
        await member.examine(NEWER)
        await member.trust.flush()

    async with coordinator(data, NEWER) as served:
        member = Member(served, path)
        await member.pin()
        await member.examine(NEWER)
        await member.examine(CELLAR)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("restarted", [False, True])
async def test_two_logs_are_a_fork(tmp_path: Path, count: int, restarted: bool) -> None:
    """Whether the other log is shorter, as long, or longer."""
    async with coordinator(tmp_path / "club", ATTIC, CELLAR) as served:
        member = Member(served, tmp_path / "club.json")
        await member.pin()
        await member.examine(ATTIC)
        if restarted:
            member.restart()
        mallorys = [bundle(f"mallory {number}") for number in range(count)]
        honest = await show_another_log(served, *mallorys)

        assert await member.refuses(mallorys[0]) is TrustCode.LOG_FORK
        assert await member.refuses(ATTIC) is TrustCode.LOG_FORK

        served.coordinator.keylog = honest
        await member.examine(ATTIC)


async def test_older_keys_of_a_node_are_a_rollback(tmp_path: Path) -> None:
    async with coordinator(tmp_path / "club", ATTIC, NEWER) as served:
        member = Member(served, tmp_path / "club.json")
        await member.pin()
        await member.examine(NEWER)
        member.restart()

        assert await member.refuses(ATTIC) is TrustCode.EPOCH_ROLLBACK


async def test_another_key_of_the_coordinator_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "club.json"
    async with coordinator(tmp_path / "club", ATTIC) as served:
        member = Member(served, path)
        await member.pin()
        await member.examine(ATTIC)

    async with coordinator(tmp_path / "impostor", ATTIC) as served:
        member = Member(served, path)
        with pytest.raises(TrustError) as refused:
            await member.pin()
        assert refused.value.code is TrustCode.COORDINATOR_CHANGED
        assert await member.refuses(ATTIC) is TrustCode.LOG_FORK


async def test_a_node_that_is_not_logged_is_refused(tmp_path: Path) -> None:
    async with coordinator(tmp_path / "club", ATTIC) as served:
        member = Member(served, tmp_path / "club.json")
        await member.pin()

        assert await member.refuses(CELLAR) is TrustCode.NOT_IN_LOG


async def test_an_agent_finds_its_stolen_key_and_a_fork(tmp_path: Path) -> None:
    alarms: list[Alarm] = []
    async with coordinator(tmp_path / "club", CELLAR, ATTIC) as served:
        audit = Audit(
            node_key=ATTIC.ik,
            club_key=served.coordinator.identity.key,
            path=tmp_path / "audit.json",
            fetch=http_fetch(served.url + LOG_PREFIX),
            known={ATTIC.hash}.__contains__,
            clock_ms=lambda: START_MS,
            on_alarm=alarms.append,
        )
        await audit.run_once()
        assert alarms == []

        await served.coordinator.keylog.append_bundle(NEWER.body, NEWER.sig)
        await audit.run_once()
        assert [alarm.bundle for alarm in alarms] == [NEWER.hash.hex()]

        await show_another_log(served, ATTIC)
        with pytest.raises(TrustError) as refused:
            await audit.run_once()
        assert refused.value.code is TrustCode.LOG_FORK
        assert [alarm.kind for alarm in alarms] == ["unknown_bundle", "log_fork"]
