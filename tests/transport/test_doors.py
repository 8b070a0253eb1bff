from __future__ import annotations

import os
import sys

import anyio
import pytest

from clubai.transport.doors import (
    FULL,
    MEMORY_LOOK_S,
    NO_MEMORY,
    TOO_MANY,
    Doors,
    resident_bytes,
)
from clubai.transport.limits import ServerLimits
from support.serving import echo, serving, websocket_app
from support.websocket_peers import raw_peer

FEW = ServerLimits(max_connections=3, max_connections_per_address=2)


def test_an_address_has_its_bound_and_the_others_theirs() -> None:
    doors = Doors(FEW)

    assert [doors.refusal("192.0.2.1", 0.0) for _ in range(3)] == [b"", b"", TOO_MANY]
    assert doors.refusal("192.0.2.2", 0.0) == b""
    doors.leave("192.0.2.1")
    assert doors.refusal("192.0.2.1", 0.0) == b""
    assert doors.refusal("192.0.2.3", 0.0) == FULL


def test_an_ipv6_network_has_one_bound() -> None:
    doors = Doors(FEW)

    answers = [doors.refusal(f"2001:db8::{last}", 0.0) for last in (1, 2, 3)]

    assert answers == [b"", b"", TOO_MANY]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "", "10.0.0.7"])
def test_this_machine_and_our_proxies_have_only_the_bound_of_all(address: str) -> None:
    limits = ServerLimits(
        max_connections=4, max_connections_per_address=2, trusted_proxies=("10.0.0.7",)
    )
    doors = Doors(limits)

    assert [doors.refusal(address, 0.0) for _ in range(5)] == [b""] * 4 + [FULL]
    doors.leave(address)
    assert doors.refusal(address, 0.0) == b""


def test_loopback_can_be_counted() -> None:
    doors = Doors(ServerLimits(max_connections_per_address=1, count_loopback=True))

    assert doors.refusal("127.0.0.1", 0.0) == b""
    assert doors.refusal("127.0.0.1", 0.0) == TOO_MANY


def test_nobody_comes_in_while_memory_is_short() -> None:
    memory = [11 << 20]
    doors = Doors(ServerLimits(max_memory_mb=10), memory=lambda: memory[0])

    assert doors.refusal("192.0.2.1", 0.0) == NO_MEMORY
    memory[0] = 9 << 20
    assert doors.refusal("192.0.2.1", MEMORY_LOOK_S / 2) == NO_MEMORY
    assert doors.refusal("192.0.2.1", MEMORY_LOOK_S) == b""


def test_memory_is_not_looked_at_without_a_bound() -> None:
    def never() -> int:
        raise AssertionError

    assert Doors(ServerLimits(), memory=never).refusal("192.0.2.1", 0.0) == b""


@pytest.mark.parametrize("refusal", [FULL, NO_MEMORY, TOO_MANY])
def test_a_refusal_says_when_to_try_again(refusal: bytes) -> None:
    head, _, body = refusal.partition(b"\r\n\r\n")

    assert b"\r\nretry-after: 5\r\n" in head
    assert f"\r\ncontent-length: {len(body)}\r\n".encode() in head
    assert body.startswith(b'{"error":{"message":')


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_memory_of_this_process_is_known() -> None:
    assert 10 << 20 < resident_bytes() < 1 << 40
    assert os.sysconf("SC_PAGESIZE") == 4096


async def test_a_crowded_server_says_so_before_a_byte_is_sent() -> None:
    limits = ServerLimits(max_connections_per_address=1, count_loopback=True)
    async with serving(websocket_app(echo), limits=limits) as url:
        async with raw_peer(url) as first, raw_peer(url) as second:
            await first.upgrade()
            with anyio.fail_after(5):
                assert (await second.rest()).startswith(b"HTTP/1.1 429 ")
            await first.send(b"\x88\x80\0\0\0\0")
            await first.rest()
        with anyio.fail_after(5):
            while b" 101 " not in await _upgrade(url):
                await anyio.lowlevel.checkpoint()  # the first is still being closed


async def _upgrade(url: str) -> bytes:
    async with raw_peer(url) as peer:
        return await peer.upgrade()
