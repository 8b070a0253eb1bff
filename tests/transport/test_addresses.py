from __future__ import annotations

import pytest

from clubai.transport.addresses import (
    Networks,
    address_key,
    caller_address,
    forwarded_for,
    host_name,
    is_loopback,
)

PROXIES = Networks(("127.0.0.1", "10.0.0.7"))


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("no address", "no address"),
    ],
)
def test_an_ipv6_network_counts_as_one(address: str, key: str) -> None:
    assert address_key(address) == key


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("192.0.2.1", False),
        ("::", False),
        ("localhost.evil.example", False),
        ("", False),
    ],
)
def test_loopback_is_only_this_machine(host: str, is_ours: bool) -> None:
    assert is_loopback(host) is is_ours


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b"Club.Example:8443", "club.example"),
        (b"[::1]:80", "[::1]"),
        (b" 127.0.0.1 ", "127.0.0.1"),
        (b"", ""),
    ],
)
def test_a_host_is_named_without_its_port(header: bytes, name: str) -> None:
    assert host_name(header) == name


@pytest.mark.parametrize(
    ("peer", "said", "found"),
    [
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("127.0.0.1", "10.0.0.7, 127.0.0.1", "10.0.0.7"),
        ("127.0.0.1", "203.0.113.9, nonsense", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_only_our_own_proxies_say_whom_a_request_came_from(
    peer: str, said: str, found: str
) -> None:
    headers = [(b"host", b"x"), (b"x-forwarded-for", said.encode())]

    assert forwarded_for(headers, peer, PROXIES) == found


def test_several_headers_are_one_list() -> None:
    headers = [
        (b"x-forwarded-for", b"198.51.100.1"),
        (b"x-forwarded-for", b"203.0.113.9"),
    ]

    assert forwarded_for(headers, "10.0.0.7", PROXIES) == "203.0.113.9"
    assert forwarded_for([], "10.0.0.7", PROXIES) == "10.0.0.7"


def test_networks_are_trusted_too() -> None:
    trusted = Networks(("10.0.0.0/8", "fd00::/8"))
    headers = [(b"x-forwarded-for", b"192.0.2.7")]

    for peer in ("10.9.8.7", "fd00::5", "::ffff:10.0.0.1"):
        assert forwarded_for(headers, peer, trusted) == "192.0.2.7"
    assert forwarded_for(headers, "11.0.0.1", trusted) == "11.0.0.1"
    with pytest.raises(ValueError, match="nonsense"):
        Networks(("nonsense",))


def test_a_long_header_is_read_from_its_end() -> None:
    headers = [(b"x-forwarded-for", b"1.1.1.1," * 10_000 + b"192.0.2.7")]

    assert forwarded_for(headers, "10.0.0.7", PROXIES) == "192.0.2.7"


@pytest.mark.parametrize(
    ("client", "address"), [(("192.0.2.7", 1), "192.0.2.7"), (None, "")]
)
def test_where_a_request_came_from(client: object, address: str) -> None:
    assert caller_address({"client": client}) == address
