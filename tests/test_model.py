from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.model import (
    NICKNAME_LENGTH,
    RETRY_ELSEWHERE,
    FailCode,
    ModelOffer,
    NodeId,
    TaskId,
    Usage,
    node_bytes,
    node_nickname,
    node_text,
    task_text,
)


@given(st.binary(min_size=32, max_size=32))
def test_a_node_id_as_text_is_its_base32(raw: bytes) -> None:
    text = node_text(NodeId(raw))

    assert len(text) == 52
    assert base64.b32decode(text.upper() + "====") == raw
    assert node_nickname(NodeId(raw)) == text[:NICKNAME_LENGTH]


@given(st.binary(min_size=32, max_size=32))
def test_a_node_id_is_read_from_its_text(raw: bytes) -> None:
    assert node_bytes(node_text(NodeId(raw))) == raw


@pytest.mark.parametrize("text", ["", "a" * 12, "a" * 51, "a" * 60, "1" * 52, "ü" * 52])
def test_what_is_no_node_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - base64 has texts of its own
        node_bytes(text)


def test_a_task_id_as_text_is_hexadecimal() -> None:
    assert task_text(TaskId(b"\x00" * 15 + b"\xff")) == "0" * 30 + "ff"


def test_tokens_add_up() -> None:
    assert Usage(prompt_tokens=3, completion_tokens=4).total_tokens == 7


def test_values_do_not_change() -> None:
    with pytest.raises(AttributeError):
        ModelOffer(name="m").name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    "code",
    [FailCode.BAD_REQUEST, FailCode.TOO_BIG, FailCode.CANCELLED],
)
def test_what_no_node_can_mend_is_not_tried_elsewhere(code: FailCode) -> None:
    assert code not in RETRY_ELSEWHERE
