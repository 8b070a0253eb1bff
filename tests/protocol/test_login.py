from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.protocol.login import (
    EnrolmentMade,
    EnrolRequest,
    LoginReply,
    LoginRequest,
    origin_of,
)


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("club.example", "club.example"),
        ("Club.Example:8000", "club.example:8000"),
        ("https://club.example/nodes/connect?x=1", "club.example"),
        ("wss://club.example:443/nodes/connect", "club.example"),
        ("http://club.example:80", "club.example"),
        ("ws://127.0.0.1:8000", "127.0.0.1:8000"),
        ("[::1]:8000", "[::1]:8000"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("club.example.:8000", "club.example:8000"),
        (" club.example ", "club.example"),
    ],
)
def test_an_address_is_reduced_to_host_and_port(address: str, origin: str) -> None:
    assert origin_of(address) == origin
    assert origin_of(origin) == origin


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://",
        ":8000",
        "club.example:x",
        "club:99999",
        "[::1",
        "ü.example",
        "user@club.example",
        ".",
    ],
)
def test_what_is_no_host_is_refused(address: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - urlsplit has texts of its own
        origin_of(address)


@given(st.text(max_size=40))
def test_any_host_header_is_an_origin_or_a_value_error(header: str) -> None:
    try:
        origin = origin_of(header)
    except ValueError:
        return
    assert origin.isascii()
    assert origin == origin.lower()


def test_the_port_and_the_host_tell_coordinators_apart() -> None:
    addresses = ["a.example", "b.example", "a.example:8000", "a.example:8001"]

    assert len({origin_of(address) for address in addresses}) == 4


def test_secrets_do_not_show() -> None:
    made = EnrolmentMade(id="x", token="cet_secret", expires_at=1.0)
    reply = LoginReply(ticket="cwt_secret", expires_at=1.0)
    request = EnrolRequest(
        token="cet_secret", node=bytes(32), key=bytes(32), now_ms=1, sig=bytes(64)
    )

    assert "secret" not in f"{made!r} {reply!r} {request!r}"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("node", "AAAA"),
        ("nonce", "not base64!"),
        ("boot", "A" * 44),
        ("now_ms", -1),
        ("now_ms", 1 << 63),
        ("sig", None),
    ],
)
def test_a_field_of_the_wrong_size_is_refused(field: str, value: object) -> None:
    good = {
        "node": bytes(32),
        "nonce": bytes(32),
        "boot": bytes(16),
        "now_ms": 1,
        "sig": bytes(64),
    }
    msgspec.json.decode(msgspec.json.encode(good), type=LoginRequest)

    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(
            msgspec.json.encode({**good, field: value}), type=LoginRequest
        )


@pytest.mark.parametrize("token", ["a b", "a\n", "ü", "x" * 129])
def test_a_token_of_other_characters_is_refused(token: str) -> None:
    request = {
        "token": token,
        "node": bytes(32),
        "key": bytes(32),
        "now_ms": 1,
        "sig": bytes(64),
    }

    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(request), type=EnrolRequest)
