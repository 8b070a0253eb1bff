from __future__ import annotations

import pytest

from clubai.errors import RemoteProtocolError
from clubai.protocol.messages import (
    CloseCode,
    Goodbye,
    Hello,
    NodeHeartbeat,
    Notice,
    Welcome,
)
from clubai.protocol.session import (
    choose_version,
    enrol_bytes,
    expect_hello,
    expect_welcome,
    login_bytes,
)


def test_the_common_version_is_chosen() -> None:
    assert choose_version(Hello(versions=(3, 1))) == 1


@pytest.mark.parametrize("versions", [(), (2,), (0, 99)])
def test_no_common_version_says_what_each_speaks(versions: tuple[int, ...]) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        choose_version(Hello(versions=versions))

    assert caught.value.code == CloseCode.VERSION
    assert "version 1" in caught.value.reason


def test_hello_comes_first() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        expect_hello(NodeHeartbeat())

    assert caught.value.code == CloseCode.BAD_MESSAGE
    assert "NODE_HEARTBEAT" in caught.value.reason


def test_a_refusal_instead_of_welcome_keeps_its_reason() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        expect_welcome(Goodbye(code=CloseCode.VERSION, reason="update"))

    assert (caught.value.code, caught.value.reason) == (CloseCode.VERSION, "update")


def test_anything_else_instead_of_welcome_is_out_of_turn() -> None:
    with pytest.raises(RemoteProtocolError):
        expect_welcome(Notice(code="x"))


def test_a_welcome_in_another_version_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        expect_welcome(Welcome(version=2, key=bytes(32)))


def test_what_a_login_signs_is_laid_out_as_it_is_specified() -> None:
    signed = login_bytes("club.example:8000", b"N" * 32, b"B" * 16, 0x0102)

    assert signed == (
        b"clubai/1 login"
        b"\x00\x00\x00\x11club.example:8000"
        b"\x00\x00\x00\x20"
        + b"N" * 32
        + b"\x00\x00\x00\x10"
        + b"B" * 16
        + b"\x00\x00\x00\x00\x00\x00\x01\x02"
    )


def test_what_an_enrolment_signs_is_laid_out_as_it_is_specified() -> None:
    signed = enrol_bytes("cet_x", "club.example", b"I" * 32)

    assert signed == (
        b"clubai/1 enrol\x00\x00\x00\x05cet_x\x00\x00\x00\x0cclub.example" + b"I" * 32
    )
