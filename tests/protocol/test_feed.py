from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.protocol.feed import (
    ClubEvent,
    FeedGap,
    FeedMessage,
    Position,
    StandingChange,
    feed_frame,
    read_feed,
    read_position,
)
from clubai.protocol.sse import SseReader

STANDING = StandingChange(
    number=7,
    node="abc",
    name="attic",
    change="adjusted",
    points=5,
    held=0,
    total=105,
    count=1,
    model="",
    cause="member:m_x",
    why="thanks\n\ndata: no",
)
MESSAGES: tuple[FeedMessage, ...] = (
    ClubEvent(seq=1, at=2.5, kind="month", what="closed", subject="2026-10"),
    ClubEvent(seq=9, at=2.5, kind="standing", what="adjusted", standing=STANDING),
    FeedGap(boot="b-operator", seq=4, reason="the coordinator was started anew"),
)


def test_what_is_framed_is_read_again() -> None:
    position = Position("b-operator", 9)

    events = SseReader().feed(b"".join(feed_frame(m, position) for m in MESSAGES))

    assert [event.id for event in events] == ["b-operator:9"] * 3
    assert tuple(read_feed(event.name, event.data) for event in events) == MESSAGES


def test_what_an_event_does_not_have_is_not_sent() -> None:
    frame = feed_frame(MESSAGES[0], Position("b", 1))

    assert frame == (
        b"event: club\nid: b:1\n"
        b'data: {"seq":1,"at":2.5,"kind":"month","what":"closed",'
        b'"subject":"2026-10"}\n\n'
    )


def test_what_is_not_known_is_left_out_and_what_is_wrong_is_told() -> None:
    assert read_feed("later", b"?") is None
    with pytest.raises(msgspec.DecodeError):
        read_feed("gap", b'{"boot": 1}')


@given(st.text(min_size=1), st.integers(0, 10**15 - 1))
def test_a_position_is_read_as_it_is_shown(boot: str, seq: int) -> None:
    assert read_position(str(Position(boot, seq))) == Position(boot, seq)


@pytest.mark.parametrize("text", ["", "5", ":5", "b:", "b:-1", "b:٣", "b:" + "9" * 16])
def test_what_is_no_position(text: str) -> None:
    assert read_position(text) is None
