from __future__ import annotations

import msgspec
import pytest

from clubai.protocol.decoding import UNREADABLE

JSON = [
    b"",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'"\xff"',
    b'{"\xff":1}',
    b'"\\ud800"',
    b"1e999",
    b"NaN",
    b"-Infinity",
    b"9" * 5000,
    b"1 1",
    b"\x00",
]
MSGPACK = [
    b"",
    b"\x91" * 100_000,
    b"\x81\xa1a" * 100_000,
    b"\xa1\xff",
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\xc1",
    b"\xc0\xc0",
]


@pytest.mark.parametrize("data", JSON, ids=lambda data: repr(data[:12]))
def test_json_that_cannot_be_read_raises_nothing_else(data: bytes) -> None:
    with pytest.raises(UNREADABLE):
        msgspec.json.decode(data)


@pytest.mark.parametrize("data", MSGPACK, ids=lambda data: repr(data[:12]))
def test_msgpack_that_cannot_be_read_raises_nothing_else(data: bytes) -> None:
    with pytest.raises(UNREADABLE):
        msgspec.msgpack.decode(data)
