"""What is taken without a look is what h11 would have taken."""

from __future__ import annotations

import h11
import pytest
from h11._headers import Headers
from hypothesis import example, given
from hypothesis import strategies as st

from clubai.transport.response_head import HeaderList, looked_over

names = st.sampled_from(
    [b"date", b"x-a", b"content-length", b"transfer-encoding", b"Vary", b"x y", b""]
) | st.binary(max_size=6)
values = st.sampled_from([b"5", b"05", b"5, 5", b"chunked", b" 5", b"a\tb", b""]) | (
    st.binary(max_size=12)
)


def judged(headers: HeaderList | Headers) -> list[tuple[bytes, bytes]] | None:
    """The headers as h11 takes them, None when it does not."""
    try:
        response = h11.Response(headers=headers, status_code=200)
    except h11.LocalProtocolError:
        return None
    return response.headers.raw_items()


@given(st.lists(st.tuples(names, values), max_size=5))
@example([(b"a", b"x\nevil\0y")])
@example([(b"a\0b\nc", b"d")])
@example([(b"a", b"b\r\nevil: 1")])
@example([(b"content-length", b"5"), (b"content-length", b"6")])
@example([(b"content-length", b"\xb2")])
@example([(b"content-length", b"1" * 21)])
def test_h11_judges_the_same_of_what_was_looked_over(headers: HeaderList) -> None:
    bare = [(name.strip(), value.strip()) for name, value in headers]  # as Hypercorn

    assert judged(looked_over(headers)) == judged(bare)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-type", b"text/event-stream; charset=utf-8")],
        [(b"content-length", b"17"), (b"date", b"Tue, 24 Nov 2026 20:00:00 GMT")],
        [(b"x-empty", b""), (b"x-latin", b"caf\xe9")],
    ],
    ids=["none", "one", "two", "odd values"],
)
def test_plain_headers_need_no_further_look(headers: HeaderList) -> None:
    found = looked_over(headers)

    assert isinstance(found, Headers)
    assert found.raw_items() == headers


@pytest.mark.parametrize(
    "headers",
    [
        [(b"Upper", b"x")],
        [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")],
        [(b"transfer-encoding", b"chunked")],
        [(b"content-length", b"5, 5")],
    ],
    ids=["upper case", "twice", "an encoding", "two lengths"],
)
def test_others_are_for_h11_to_judge(headers: HeaderList) -> None:
    assert looked_over(headers) == headers
    assert not isinstance(looked_over(headers), Headers)


def test_blanks_around_a_value_are_taken_away() -> None:
    assert judged(looked_over([(b"a", b" x\t")])) == [(b"a", b"x")]
