"""Addresses without secrets, and reasons from answers that nobody need trust."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.transport.target import MAX_REASON_CHARACTERS, Target, refusal


def target(**changes: object) -> Target:
    fields: dict[str, object] = {
        "host": "h",
        "port": 1,
        "secure": False,
        "netloc": "h:1",
        "resource": "/x?secret=1",
        "shown": "ws://h:1/x",
        "token": "hush",
        "subprotocol": "clubai.1",
        "max_message_bytes": 10,
    }
    return msgspec.convert({**fields, **changes}, Target)


def test_a_target_does_not_show_its_token_or_query() -> None:
    assert repr(target()) == "Target('ws://h:1/x')"


def test_a_token_is_sent_as_a_bearer_token() -> None:
    assert target().headers == [("Authorization", "Bearer hush")]
    assert target(token="").headers == []


def test_the_subprotocol_is_offered_if_there_is_one() -> None:
    assert target().subprotocols == ["clubai.1"]
    assert target(subprotocol="").subprotocols == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            b'{"error":{"message":"who are you?"}}',
            "the answer was HTTP 401: who are you?",
        ),
        (b'{"error":"plain"}', "the answer was HTTP 401: plain"),
        (
            b'{"error":{"message":"a\\nb\\u001b[0m"}}',
            "the answer was HTTP 401: a b [0m",
        ),
        (b'{"error":{}}', "the answer was HTTP 401"),
        (b"<html>", "the answer was HTTP 401"),
        (None, "the answer was HTTP 401"),
    ],
)
def test_a_refusal_carries_the_message_of_its_body(
    body: bytes | None, reason: str
) -> None:
    assert (refusal(401, body).reason, refusal(401, body).status) == (reason, 401)


@given(st.binary() | st.text().map(lambda t: msgspec.json.encode({"error": t})))
def test_a_refusal_is_short_and_printable_whatever_the_body(body: bytes) -> None:
    reason = refusal(503, body).reason

    assert len(reason) <= MAX_REASON_CHARACTERS
    assert reason.isprintable()
