from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.errors import RemoteProtocolError
from clubai.protocol.assignment import (
    LABEL,
    Assigned,
    Assignment,
    decode_assignment,
    encode_assignment,
)

PART = Assigned(
    attempt=2,
    node=b"n" * 32,
    bundle=b"bundle",
    bundle_sig=b"s" * 64,
    own_sig=b"o" * 64,
    boot=b"b" * 16,
    model="tiny",
    kind="chat",
    max_tokens=16,
    stream=True,
    deadline_s=60.0,
)
WHOLE = Assignment(
    task=b"t" * 16,
    issued_ms=1,
    expires_ms=2,
    cvk=b"c" * 32,
    mode="consensus",
    parts=(PART,),
    checkpoint=b"checkpoint",
)
GOLDEN = (
    "636c756261692f312061737369676e6d656e74"  # "clubai/1 assignment"
    "88a776657273696f6e01a47461736bc41074747474747474747474747474747474"
)


def test_an_assignment_survives_the_wire() -> None:
    body = encode_assignment(WHOLE)

    assert decode_assignment(body) == WHOLE
    assert body.hex().startswith(GOLDEN)
    assert WHOLE.mode_number == 1


def test_a_part_is_found_by_its_numbers() -> None:
    assert WHOLE.find(0, 2) == PART
    assert WHOLE.find(0, 1) is None
    assert WHOLE.find(1, 2) is None


@given(st.binary(max_size=400))
def test_whatever_comes_is_an_assignment_or_refused(tail: bytes) -> None:
    for body in (tail, LABEL + tail):
        with pytest.raises(RemoteProtocolError):
            decode_assignment(body)


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"parts": ()}, {"parts": (PART,) * 65}, {"task": b"short"}],
)
def test_what_no_coordinator_says_is_refused(change: dict[str, object]) -> None:
    fields = {name: getattr(WHOLE, name) for name in WHOLE.__struct_fields__}
    body = encode_assignment(Assignment(**fields | change))  # type: ignore[arg-type]
    with pytest.raises(RemoteProtocolError):
        decode_assignment(body)
