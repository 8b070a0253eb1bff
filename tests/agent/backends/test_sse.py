from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.agent.backends.sse import EventReader, LineSplitter, payload_of
from clubai.errors import BackendError


async def events(chunks: Iterable[bytes], limit: int = 1 << 20) -> list[bytes]:
    source = iter(chunks)

    async def chunk() -> bytes | None:
        return next(source, None)

    reader = EventReader(chunk, limit)
    found = []
    while (payload := await reader.next()) is not None:
        found.append(payload)
    return found


@given(
    lines=st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\n", b"."))),
    cuts=st.lists(st.integers(min_value=0, max_value=200)),
    end=st.sampled_from([b"\n", b"\r\n"]),
)
def test_lines_do_not_depend_on_how_the_bytes_arrive(
    lines: list[bytes], cuts: list[int], end: bytes
) -> None:
    lines = [line.rstrip(b"\r") for line in lines]
    text = b"".join(line + end for line in lines)
    borders = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    splitter = LineSplitter()
    found = []
    for start, stop in pairwise(borders):
        found += splitter.feed(text[start:stop])

    assert found + splitter.end() == lines


def test_the_last_line_needs_no_end() -> None:
    splitter = LineSplitter()

    assert splitter.feed(b"a\nb") == [b"a"]
    assert splitter.end() == [b"b"]


@given(pieces=st.lists(st.integers(min_value=1, max_value=30), min_size=1))
def test_a_line_over_the_limit_is_refused_and_no_other(pieces: list[int]) -> None:
    splitter = LineSplitter(limit=100)
    refused = False
    for size in pieces:
        try:
            splitter.feed(b"x" * size)
        except BackendError:
            refused = True
            break

    assert refused == (sum(pieces) > 100)


def test_the_limit_holds_for_each_line_and_not_for_all() -> None:
    splitter = LineSplitter(limit=10)

    assert len(splitter.feed(b"123456789\n" * 50)) == 50


async def test_only_data_is_kept() -> None:
    body = [
        b": ping\n\nevent: message\nid: 3\nretry: 10\n",
        b'data: {"a": 1}\n\ndata:{"b": 2}\r\n\r\ndata: null\n\ndata:\n\n',
    ]

    assert await events(body) == [b'{"a": 1}', b'{"b": 2}']


async def test_done_ends_it_whatever_follows() -> None:
    assert await events([b'data: {}\ndata: [DONE]\ndata: {"late": 1}\n', b"x"]) == [
        b"{}"
    ]


async def test_nothing_is_read_after_done() -> None:
    async def chunk() -> bytes | None:
        nonlocal reads
        reads += 1
        return b"data: [DONE]\n\n"

    reads = 0
    reader = EventReader(chunk)

    assert await reader.next() is None
    assert await reader.next() is None
    assert reads == 1


async def test_a_line_that_is_too_long_fails_before_it_ends() -> None:
    with pytest.raises(BackendError, match="more than 8 bytes"):
        await events([b"data: 12", b"3"], limit=8)


@pytest.mark.parametrize(
    ("line", "payload"),
    [
        (b'{"error": "text"}', b'{"error": "text"}'),
        (b'error: {"code":500}', b'{"error":{"code":500}}'),
        (b"error:", b'{"error":null}'),
        (b"event: error", b""),
        (b"", b""),
    ],
)
def test_errors_outside_of_data_are_kept(line: bytes, payload: bytes) -> None:
    assert payload_of(line) == payload
