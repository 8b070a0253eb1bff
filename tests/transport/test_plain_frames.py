"""What is cut is what the library would have read, however it comes."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, Event, Ping, Pong, TextMessage

from clubai.transport.plain_frames import PlainFrames
from support.websocket_peers import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

MOST = 1 << 20
SIZES = (0, 1, 3, 4, 125, 126, 127, 2048, 2049, 65_535, 65_536, 70_000)

Seen = list[tuple[str, bytes]]

parts = st.binary(max_size=300) | st.sampled_from(SIZES).map(os.urandom)
events = st.one_of(
    parts.map(lambda data: [BytesMessage(data=data)]),
    parts.map(lambda data: [BytesMessage(data=data)]),
    st.binary(max_size=125).map(lambda data: [Ping(payload=data)]),
    st.binary(max_size=125).map(lambda data: [Pong(payload=data)]),
    st.text(max_size=50).map(lambda text: [TextMessage(data=text)]),
    st.tuples(parts, parts).map(
        lambda two: [
            BytesMessage(data=two[0], message_finished=False),
            Ping(payload=b"between"),
            BytesMessage(data=two[1]),
        ]
    ),
)


def sent(*each: Event) -> bytes:
    """As a client sends it, masked at random."""
    client = Connection(ConnectionType.CLIENT)
    return b"".join(client.send(event) for event in each)


def read(library: Connection) -> Iterator[tuple[str, bytes]]:
    for event in library.events():
        if isinstance(event, (BytesMessage, TextMessage)):
            data = (
                event.data if isinstance(event, BytesMessage) else event.data.encode()
            )
            yield type(event).__name__, bytes(data)
        else:
            yield type(event).__name__, bytes(getattr(event, "payload", b""))


def joined(seen: Seen) -> Seen:
    """Pieces of one message that follow each other are one."""
    whole: Seen = []
    for kind, data in seen:
        if whole and kind == whole[-1][0] and kind.endswith("Message"):
            data = whole.pop()[1] + data
        whole.append((kind, data))
    return whole


def cut(pieces: list[bytes], most: int = MOST) -> tuple[Seen, int]:
    """What is seen through the cutter, and how many messages it read itself."""
    frames, library = PlainFrames(most), Connection(ConnectionType.SERVER)
    seen: Seen = []
    plain = 0
    for data in pieces:
        for is_plain, piece in frames.cut(data):
            if is_plain:
                plain += 1
                seen.append(("BytesMessage", piece))
            else:
                library.receive_data(piece)
                seen += read(library)
    return seen, plain


def split(data: bytes, places: list[int]) -> list[bytes]:
    at = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(at)]


@given(st.lists(events, max_size=8), st.lists(st.integers(0, 1 << 20), max_size=8))
def test_the_same_is_seen_as_by_the_library(
    groups: list[list[Event]], places: list[int]
) -> None:
    data = sent(*(event for group in groups for event in group))
    library = Connection(ConnectionType.SERVER)
    library.receive_data(data)

    seen, _ = cut(split(data, places))

    assert joined(seen) == joined(list(read(library)))


@given(st.lists(parts, max_size=6), st.lists(st.integers(0, 1 << 20), max_size=20))
def test_plain_messages_never_reach_the_library(
    messages: list[bytes], places: list[int]
) -> None:
    data = sent(*(BytesMessage(data=each) for each in messages))

    seen, plain = cut(split(data, places))

    assert seen == [("BytesMessage", each) for each in messages]
    assert plain == len(messages)


def test_a_message_that_comes_byte_by_byte_is_one() -> None:
    data = sent(BytesMessage(data=b"x" * 300), BytesMessage(data=b"y"))

    assert cut([bytes([byte]) for byte in data]) == (
        [("BytesMessage", b"x" * 300), ("BytesMessage", b"y")],
        2,
    )


def test_control_frames_between_leave_the_rest_plain() -> None:
    seen, plain = cut(
        [sent(Ping(payload=b"?"), BytesMessage(data=b"1"), Pong()), frame(BINARY, b"2")]
    )

    assert [kind for kind, _ in seen] == [
        "Ping",
        "BytesMessage",
        "Pong",
        "BytesMessage",
    ]
    assert plain == 2


LONG = struct.pack("!BBH", 0x82, 0x80 | 126, 5) + bytes(4) + b"hello"
"""A length in two bytes that fits into seven bits."""
VERY_LONG = struct.pack("!BBQ", 0x82, 0x80 | 127, 5) + bytes(4) + b"hello"
HUGE = struct.pack("!BBQ", 0x82, 0x80 | 127, 1 << 63)


@pytest.mark.parametrize(
    "data",
    [
        frame(TEXT, b"words"),
        frame(BINARY, b"a part", final=False),
        frame(CONTINUATION, b"of nothing"),
        frame(BINARY, b"deflated", rsv1=True),
        frame(PING, b"!", rsv1=True),
        frame(CLOSE, final=False),
        frame(PONG, bytes(126)),
        frame(3, b"of no kind"),
        b"\x82\x05hello",
        b"\x89\x00",
        frame(BINARY, bytes(MOST + 1)),
        LONG,
        VERY_LONG,
        HUGE,
    ],
    ids=[
        *("text", "a fragment", "a continuation", "an extension", "of a ping"),
        *("a broken close", "a long pong", "no kind", "no mask", "a ping without"),
        *("too big", "a long length", "a very long length", "a huge length"),
    ],
)
def test_what_is_not_plain_is_the_librarys_from_there_on(data: bytes) -> None:
    frames = PlainFrames(MOST)
    first, last = frame(BINARY, b"1"), frame(BINARY, b"2")

    assert frames.cut(first + data + last) == [(True, b"1"), (False, data + last)]
    assert frames.cut(last) == [(False, last)]


def test_what_is_held_is_bounded() -> None:
    frames = PlainFrames(10)

    assert frames.cut(frame(BINARY, bytes(10))) == [(True, bytes(10))]
    over = frame(BINARY, bytes(11))
    assert frames.cut(over[:6]) == [(False, over[:6])]
    assert frames.cut(over[6:]) == [(False, over[6:])]
