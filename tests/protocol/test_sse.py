from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.errors import RemoteProtocolError
from clubai.protocol.sse import ServerEvent, SseReader

STREAM = (
    b": hello\n\n"
    b"event: club\nid: ab:1\ndata: {\ndata: }\n\n"
    b"retry: 5\nid: ab:2\r\ndata:x\r\n\r\n"
    b"event: lonely\n\n"
    b"data\n\n"
    b"event: late\ndata: unended"
)
EVENTS = [
    ServerEvent("club", "ab:1", b"{\n}"),
    ServerEvent("message", "ab:2", b"x"),
    ServerEvent("message", "ab:2", b""),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12).map(sorted))
def test_it_does_not_matter_how_the_bytes_are_cut(cuts: list[int]) -> None:
    reader = SseReader()
    events = []

    for begin, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True):
        events += reader.feed(STREAM[begin:end])

    assert events == EVENTS


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_are_read(chunks: list[bytes]) -> None:
    reader = SseReader()
    for chunk in chunks:
        for event in reader.feed(chunk):
            assert b"\n" not in event.name.encode()


@pytest.mark.parametrize("text", [b"data: " + b"x" * 30, b"data: 1234\n" * 4])
def test_an_event_has_a_bound(text: bytes) -> None:
    reader = SseReader(limit=25)
    assert len(reader.feed(b"data: 123456\n\n" * 50)) == 50

    with pytest.raises(RemoteProtocolError, match="more than 25 bytes"):
        reader.feed(text)
